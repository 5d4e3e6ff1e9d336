# SPDX-License-Identifier: ISC
# bindings.mk: builds what guests are made of: bindings, linker scripts, compiler wrappers.
#
# To be included from the makefile, which defines SRC (source tree), O (object tree), ARCH
# (of the guest), GUEST_CC, GUEST_LD, GUEST_OBJCOPY, perhaps GUEST_AR, GUEST_CFLAGS and
# VERSION, and Q and say. Gives the goal guest; guest_all, the files that it makes; guest_cc,
# the wrapper that makes images once they are there; and what to install where, see the end.

guest_dir := $(O)/bindings
guest_triple := $(ARCH)-solo5-none-static
guest_version := $(or $(VERSION),unknown)
guest_ar := $(or $(GUEST_AR),ar)
guest_make := $(SRC)/bindings/bindings.mk $(SRC)/bindings/bindings_$(ARCH).mk \
	$(wildcard config.mk $(SRC)/VERSION)

include $(SRC)/bindings/bindings_$(ARCH).mk

# For applications too: a walk over the frames, as of a profiler, needs them in every function.
guest_app_cflags += -fno-omit-frame-pointer -mno-omit-leaf-frame-pointer

# ---- Sources ----

guest_string_src := string.c $(guest_arch_string_src)
guest_hvt_src := start.c format.c log.c exit.c ssp.c console.c memory.c clock.c yield.c \
	manifest.c trap.c block.c block_queue.c read_ahead.c net.c net_queue.c net_offload.c ring.c features.c price.c queue.c \
	virtqueue.c vsock.c vsock_wait.c \
	vsock_driver.c vsock_socket.c notes.c $(guest_arch_src) $(guest_string_src)
guest_headers := block_abi.h elf_abi.h husk_abi.h hvt_abi.h mft_abi.h net_abi.h ring_abi.h solo5.h solo5x.h virtq_abi.h \
	vsock.h vsock_abi.h

guest_obj = $(patsubst %,$(guest_dir)/%.o,$(basename $1))
guest_hvt_obj := $(call guest_obj,$(guest_hvt_src))
guest_string_obj := $(call guest_obj,$(guest_string_src))
guest_other_obj := $(call guest_obj,solo5_stub.c manifest_none.c)
guest_c_obj := $(call guest_obj,$(filter %.c,$(guest_hvt_src))) $(guest_other_obj)
guest_S_obj := $(call guest_obj,$(filter %.S,$(guest_hvt_src)))

# ---- Flags ----

guest_cc_kind := $(if $(findstring clang,$(shell $(GUEST_CC) --version 2>/dev/null)),clang,gcc)
guest_cc_headers := $(shell $(GUEST_CC) -print-file-name=include)
guest_warn := -Wall -Wextra $(WERROR) -Wshadow -Wconversion -Wstrict-prototypes \
	-Wmissing-prototypes -Wundef -Wvla -Wcast-qual -Wwrite-strings
guest_no_host_headers := $(if $(filter clang,$(guest_cc_kind)),-nostdlibinc,-nostdinc)

# They make the objects the same in whatever directory they are built. gcc takes the last map
# that matches; clang, which takes any, is told where it compiles.
guest_paths := -ffile-prefix-map=$(SRC)/= -ffile-prefix-map=$(CURDIR)=. \
	$(if $(filter clang,$(guest_cc_kind)),-ffile-compilation-dir=.)

guest_cflags = $(or $(GUEST_CFLAGS),-O2 -g) -std=gnu11 $(guest_warn) \
	-ffreestanding -fno-pie -fno-common -ffunction-sections -fdata-sections \
	-fno-asynchronous-unwind-tables -fstack-protector-strong \
	$(guest_app_cflags) $(guest_arch_cflags) \
	$(guest_no_host_headers) -isystem $(guest_cc_headers) \
	-DBINDINGS_VERSION='"$(guest_version)"' \
	$(guest_paths)

# ---- Objects ----

$(guest_c_obj): $(guest_dir)/%.o: $(SRC)/bindings/%.c $(guest_make)
	$(call say,GUEST)
	$(Q)mkdir -p $(@D)
	$(Q)$(GUEST_CC) $(guest_cflags) -MMD -MP -c -o $@ $<

# Assemblers do not agree on what the maps apply to; symbols are enough for these.
$(guest_S_obj): $(guest_dir)/%.o: $(SRC)/bindings/%.S $(guest_make)
	$(call say,GUEST)
	$(Q)mkdir -p $(@D)
	$(Q)$(GUEST_CC) $(guest_cflags) -g0 -MMD -MP -c -o $@ $<

# The guard changes while this runs.
$(guest_dir)/start.o: guest_app_cflags += -fno-stack-protector
# gcc may otherwise turn the body of strlen into a call of strlen.
$(guest_string_obj): guest_app_cflags += $(if $(filter gcc,$(guest_cc_kind)),\
	-fno-tree-loop-distribute-patterns)

# One object; every name that is not the API's becomes local.
guest_globals := 'solo5_*' 'solo5x_*' '_start*' '__stack_chk_*'
guest_join = $(GUEST_LD) -r -o $@.tmp $(filter %.o,$^) && \
	$(GUEST_OBJCOPY) -w $(guest_globals:%=-G %) $@.tmp $@ && rm -f $@.tmp

$(guest_dir)/solo5_hvt.o: $(guest_hvt_obj)
	$(call say,JOIN)
	$(Q)$(guest_join)

$(guest_dir)/husk_manifest_none.o: $(guest_dir)/manifest_none.o
	$(call say,COPY)
	$(Q)cp $< $@

$(guest_dir)/libhusk_string.a: $(guest_string_obj)
	$(call say,AR)
	$(Q)rm -f $@ && $(guest_ar) rcD $@ $^

# ---- Linker scripts, headers, wrappers ----

guest_lds := $(guest_dir)/solo5_hvt.lds $(guest_dir)/solo5_stub.lds
$(guest_lds): $(guest_dir)/%.lds: $(SRC)/bindings/%.lds
	$(call say,COPY)
	$(Q)mkdir -p $(@D) && cp $< $@

guest_header_copies := $(guest_headers:%=$(guest_dir)/include/solo5/%)
$(guest_header_copies): $(guest_dir)/include/solo5/%: $(SRC)/include/%
	$(call say,COPY)
	$(Q)mkdir -p $(@D) && cp $< $@

# What husk-cc alone offers: <string.h> for the functions of libhusk_string.a, and the <limits.h>
# that gcc's own asks a C library for.
guest_libc_headers := $(guest_dir)/string.h $(guest_dir)/limits.h
$(guest_libc_headers): $(guest_dir)/%: $(SRC)/bindings/libc/%
	$(call say,COPY)
	$(Q)mkdir -p $(@D) && cp $< $@

# What gets a C library for husk-cc --libc, and the parts that carry that over the bindings.
guest_fetch := $(guest_dir)/fetch-libc $(guest_dir)/debian-source
$(guest_fetch): $(guest_dir)/%: $(SRC)/scripts/%
	$(call say,COPY)
	$(Q)mkdir -p $(@D) && cp $< $@

guest_libc_parts := $(patsubst $(SRC)/bindings/%,$(guest_dir)/%,$(wildcard $(SRC)/bindings/newlib/*.[ch]))
$(guest_libc_parts): $(guest_dir)/newlib/%: $(SRC)/bindings/newlib/%
	$(call say,COPY)
	$(Q)mkdir -p $(@D) && cp $< $@

# Of the host's headers only the compiler's own serve a guest.
guest_header_link := $(guest_dir)/include/$(guest_triple)
$(guest_header_link): $(guest_make)
	$(call say,LINK)
	$(Q)mkdir -p $(@D) && rm -f $@ && ln -s $(guest_cc_headers) $@

guest_fill = sed -e 's|@TRIPLE@|$(guest_triple)|g' -e 's|@TOOL@|$(1)|g' \
	-e 's|@CC@|$(GUEST_CC)|g' -e 's|@CC_KIND@|$(guest_cc_kind)|g' \
	-e 's|@LD@|$(GUEST_LD)|g' -e 's|@OBJCOPY@|$(GUEST_OBJCOPY)|g' \
	-e 's|@VERSION@|$(guest_version)|g' -e 's|@APP_CFLAGS@|$(strip $(guest_app_cflags))|g' \
	-e 's|@LDFLAGS@|-z max-page-size=$(guest_max_page_size) -z noexecstack|g' \
	-e 's|@CC_LDFLAGS@|-Wl,-z,max-page-size=$(guest_max_page_size) -Wl,-z,noexecstack|g' \
	-e '/^@GUARD@$$/{' -e 'r $(SRC)/bindings/guard.sh' -e 'd' -e '}' $< >$@.tmp && chmod 755 $@.tmp && mv $@.tmp $@

guest_tools := $(foreach t,cc ld objcopy,$(guest_dir)/$(guest_triple)-$t)
$(guest_tools): $(guest_dir)/$(guest_triple)-%: $(SRC)/bindings/solo5-tool.sh.in \
		$(SRC)/bindings/guard.sh $(guest_make)
	$(call say,GEN)
	$(Q)mkdir -p $(@D)
	$(Q)$(call guest_fill,$*)

guest_cc := $(guest_dir)/husk-cc
$(guest_cc): $(SRC)/bindings/husk-cc.sh.in $(SRC)/bindings/guard.sh $(guest_make)
	$(call say,GEN)
	$(Q)mkdir -p $(@D)
	$(Q)$(call guest_fill,cc)

# ---- All ----

# What goes to lib/TRIPLE, bin and include/solo5 when it is installed. The wrappers find lib and
# include beside their own directory.
guest_lib := $(guest_dir)/solo5_hvt.o $(guest_dir)/solo5_stub.o $(guest_lds) \
	$(guest_dir)/libhusk_string.a $(guest_libc_headers) $(guest_dir)/husk_manifest_none.o $(guest_fetch)
guest_bin := $(guest_tools) $(guest_cc)
guest_all := $(guest_lib) $(guest_libc_parts) $(guest_bin) $(guest_header_copies) $(guest_header_link)

.PHONY: guest
guest: $(guest_all)

-include $(guest_c_obj:.o=.d) $(guest_S_obj:.o=.d)
