# SPDX-License-Identifier: ISC
# machine.mk: the host's side of what guests are tested with: a program for each tests/machine/NAME.c.
#
# Included by GNUmakefile. machine_programs are linked as husk is, to run wherever it does.

machine_src := $(call src_files,tests/machine/*.c)
filtered := $O/tests/machine/filtered
machine_programs := $(if $(filter linux,$(OS)),$(filter-out $(if $(sandbox_there),,$(filtered)), \
	$(machine_src:%.c=$O/%)))

# It has the names of system calls from the filter's table.
$(filtered): $O/libmonitor.a $O/librest.a
$(machine_programs): %: %.o
	$(call say,LD)
	$Q$(MONITOR_CC) $(monitor_ldflags) -o $@ $(filter %.o,$^) $(filter %.a,$^)

.PHONY: machine-programs
machine-programs: $(machine_programs)

# husk with one module more: a monitor that its guest owns. Never installed. The object is linked in
# place of the archive's, which has the table of modules too.
owned_src := $(call src_files,tests/machine/owned/*.c)
owned := $(if $(sandbox_there),$O/tests/machine/husk-owned)
machine_programs += $(owned)

$O/tests/machine/owned.gen.c: $O/modules.gen.c
	$(call say,GEN)
	$Qmkdir -p $(@D)
	$Qsed -e 's/^extern const struct module module_core;/&\nextern const struct module module_owned;/' \
		-e 's/^	&module_core,/&\n	\&module_owned,/' $< >$@

$(owned): $(main_obj) $(owned_src:%.c=$O/%.o) $O/tests/machine/owned.gen.o $O/libmonitor.a
	$(call say,LD)
	$Q$(MONITOR_CC) $(monitor_ldflags) -o $@ $^ $(monitor_libs)
