# SPDX-License-Identifier: ISC
# machine.mk: the host's side of what guests are tested with: a program for each tests/machine/NAME.c.
#
# Included by GNUmakefile. machine_programs are linked as husk is, to run wherever it does.

machine_src := $(call src_files,tests/machine/*.c)
list_filter := $O/tests/machine/filtered
machine_programs := $(if $(filter linux,$(OS)),$(filter-out $(if $(filter_there),,$(list_filter)), \
	$(machine_src:%.c=$O/%)))

# It has the names of system calls from the filter's table.
$(list_filter): $O/libmonitor.a $O/librest.a
# It reads JSON as the unit tests do.
$O/tests/machine/traced: $O/tests/unit/json_read.o
$(machine_programs): %: %.o
	$(call say,LD)
	$Q$(MONITOR_CC) $(monitor_ldflags) -o $@ $(filter %.o,$^) $(filter %.a,$^)

.PHONY: machine-programs
machine-programs: $(machine_programs)

# husk with one module more: a monitor that its guest owns. Never installed. The object is linked in
# place of the archive's, which has the table of modules too.
owned_src := $(filter-out $(if $(filter linux,$(OS)),%/call_freebsd_$(ARCH).c), \
	$(call ours,$(call src_files,tests/machine/owned/*.c)))
owned := $(if $(filter_there)$(if $(filter freebsd,$(OS)),$(capsicum)),$O/tests/machine/husk-owned)
machine_programs += $(owned)
machine-programs: $(owned)

$O/tests/machine/owned.gen.c: $O/modules.gen.c
	$(call say,GEN)
	$Qmkdir -p $(@D)
	$Qsed -e 's/^extern const struct module module_core;/&\nextern const struct module module_owned;/' \
		-e 's/^	&module_core,/&\n	\&module_owned,/' $< >$@

$(owned): $(main_obj) $(owned_src:%.c=$O/%.o) $O/tests/machine/owned.gen.o $O/libmonitor.a
	$(call say,LD)
	$Q$(MONITOR_CC) $(monitor_ldflags) -o $@ $^ $(monitor_libs)

# On FreeBSD the attacks are a program: they are made where there may be nothing else, such as a shell.
attacks := $(if $(filter freebsd,$(OS)),$(owned:%/husk-owned=%/attacks))
machine_programs += $(attacks)
ifneq ($(attacks),)
$(attacks): $O/tests/freebsd/attacks.o
	$(call say,LD)
	$Q$(MONITOR_CC) $(monitor_ldflags) -o $@ $^
endif

# Programs that embed the library as others do: by husk.h and libhusk.a alone.
embed_src := $(filter-out %_stubs.c,$(call src_files,examples/embed/*.c tests/machine/embed/*.c))
embed_obj := $(embed_src:%.c=$O/%.o)
embed_programs := $(if $(filter linux,$(OS)),$(addprefix $O/,examples/embed/hello \
	examples/embed/requests examples/embed/test_ping tests/machine/embed/checks))
$(embed_obj): own_cflags := -I$(SRC)/include/husk -DEMBED_VERSION='"$(VERSION)"'
$O/examples/embed/test_ping: $O/examples/embed/harness.o
$O/tests/machine/embed/checks: $(patsubst %.c,$O/%.o,$(call src_files,tests/machine/embed/*.c))

$(embed_programs): %: %.o libhusk.a
	$(call say,LD)
	$Q$(MONITOR_CC) $(monitor_ldflags) -o $@ $(sort $(filter %.o,$^)) libhusk.a $(monitor_libs) -pthread

machine_programs += $(embed_programs)

# For test_library alone.
.PHONY: embed
embed: husk $(embed_programs) $(patsubst %,$(test_guest_out)/%.hvt,hello spin exception hostile_block example-ping)

ifeq ($(CROSS)$(SANITIZE),no)
machine_programs += $(if $(embed_programs),$(so_file))
endif
