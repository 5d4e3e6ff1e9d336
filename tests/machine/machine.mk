# SPDX-License-Identifier: ISC
# machine.mk: the host's side of what guests are tested with: a program for each tests/machine/NAME.c.
#
# Included by GNUmakefile. machine_programs are linked as husk is, to run wherever it does.

machine_src := $(call src_files,tests/machine/*.c)
machine_programs := $(if $(filter linux,$(OS)),$(machine_src:%.c=$O/%))

$(machine_programs): %: %.o
	$(call say,LD)
	$Q$(MONITOR_CC) $(monitor_ldflags) -o $@ $^

.PHONY: machine-programs
machine-programs: $(machine_programs)
