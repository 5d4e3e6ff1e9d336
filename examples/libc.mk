# SPDX-License-Identifier: ISC
# libc.mk: the examples and tests that take a C library, which is fetched and built for the first of them.
#
# Included by GNUmakefile after guests.mk. Goal libc: nothing else needs it, nor the network.

libc_there := $(guest_dir)/libc/lib/libhusk_libc.a
libc_images := $(addprefix $(test_guest_out)/,libc.hvt libc-app.hvt example-hello-libc.hvt example-calc.hvt)
libc_cc = $(guest_cc) --libc -std=gnu11 -O2 -Wall -Wextra $(if $(filter %calc.hvt,$@),,-mgeneral-regs-only)

.PHONY: libc
libc: $(libc_images)

# Its sources stay, as building it takes longer than to find out that it is there.
$(libc_there): $(guest_all)
	$(call say,FETCH)
	$Q[ -e $@ ] || NEWLIB_SOURCE=$(CURDIR)/$O/newlib $(SRC)/scripts/fetch-libc $(guest_cc) $(guest_dir)/libc
	$Qtouch $@

$(test_guest_out)/libc.hvt: $(SRC)/tests/libc/libc.c
$(test_guest_out)/libc-app.hvt: $(SRC)/tests/libc/app.c
$(test_guest_out)/example-hello-libc.hvt: $(SRC)/examples/hello-libc/hello-libc.c
$(test_guest_out)/example-calc.hvt: $(SRC)/examples/calc/calc.c
$(libc_images): $(libc_there)
	$(call say,GUEST)
	$Qmkdir -p $(@D)
	$Q$(libc_cc) -o $@ $(filter %.c,$^)
