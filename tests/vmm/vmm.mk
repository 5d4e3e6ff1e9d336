# SPDX-License-Identifier: ISC
# vmm.mk: a stand-in of FreeBSD's vmm(4) over Linux's /dev/kvm, and probes that ask a vmm how it
# behaves.
#
# Included by GNUmakefile. facts runs against the stand-in; "make vmm-facts" makes the same program
# for a FreeBSD kernel, which needs nothing but clang and ld.lld.

vmm_double_src := $(if $(filter linux,$(OS)),$(call ours,$(call src_files,tests/vmm/double/*.c)))
vmm_double_obj := $(vmm_double_src:%.c=$O/%.o)
vmm_facts_src := $(call ours,$(call src_files,tests/vmm/facts/*.c))
vmm_programs := $(if $(vmm_double_src),$O/tests/vmm/facts/facts)
vmm_sh := $(if $(vmm_double_src),tests/vmm/test_facts.sh)
vmm_guest_sh := $(if $(filter vmm,$(BACKEND)),tests/vmm/test_leftovers.sh tests/vmm/test_remarks.sh)

$(vmm_double_obj): own_cflags := -UNDEBUG

# A library's objects come out of it only where something asks for them.
$O/tests/vmm/libdouble.a: $(vmm_double_obj) $O/vmm_double.list
$O/vmm_double.list: list := $(vmm_double_obj)

$O/tests/vmm/facts/facts: $(vmm_facts_src:%.c=$O/%.o) $O/tests/vmm/libdouble.a
	$(call say,LD)
	$Q$(MONITOR_CC) $(monitor_ldflags) -o $@ $^

# ---- for FreeBSD ----

freebsd_cc := clang --target=$(ARCH)-unknown-freebsd -ffreestanding -fno-stack-protector -fno-pie
freebsd_src := $(filter-out %_linux.c,$(call src_files,tests/vmm/facts/*.c \
	tests/vmm/facts/*_$(ARCH).S))
freebsd_src := $(filter-out $(patsubst %,tests/vmm/facts/facts_%.c,$(filter-out $(ARCH), \
	x86_64 aarch64)),$(freebsd_src))
freebsd_obj := $(freebsd_src:tests/vmm/facts/%=$O/tests/vmm/freebsd/%.o)

.PHONY: vmm-facts
vmm-facts: $O/tests/vmm/facts/facts-freebsd

$O/tests/vmm/facts/facts-freebsd: $(freebsd_obj)
	$(call say,LD)
	$Qmkdir -p $(@D)
	$Qld.lld -static -o $@ $^

$(freebsd_obj): $O/tests/vmm/freebsd/%.o: $(SRC)/tests/vmm/facts/% config.mk
	$(call say,CC)
	$Qmkdir -p $(@D)
	$Q$(freebsd_cc) -std=gnu11 -O2 $(includes) $(WARN) $(WERROR) $(paths) -MMD -MP -c -o $@ $<
