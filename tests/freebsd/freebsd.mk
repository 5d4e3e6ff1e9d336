# SPDX-License-Identifier: ISC
# freebsd.mk: tests of the files for FreeBSD that run on Linux, with a host of their own.
#
# Included by GNUmakefile. The files are compiled with the declarations in include/, as the tests
# are, which stand in for each call of the host; all else is of the build for Linux.

freebsd_test_src := $(if $(filter linux,$(OS)),$(call src_files,tests/freebsd/test_*.c))
freebsd_tests := $(if $(CMOCKA),$(freebsd_test_src:%.c=$O/%))
freebsd_host_src := $(filter %_freebsd.c,$(call src_files,monitor/*.c monitor/net/*.c monitor/block/*.c)) \
	$(addprefix monitor/block/,disk.c disk_lock.c disk_transfer.c disk_trial.c)
freebsd_host_src := $(filter-out monitor/vmm_host_freebsd.c,$(freebsd_host_src))
freebsd_host_obj := $(patsubst %.c,$O/freebsd/%.o,$(freebsd_host_src) tests/freebsd/absent.c)

# After ours, for cmocka.h alone.
freebsd_headers := -nostdinc -isystem $(shell $(MONITOR_CC) -print-file-name=include) \
	-isystem $(SRC)/tests/freebsd/include -idirafter /usr/include
freebsd_test_cflags := $(base_cflags) $(freebsd_headers) $(SANITIZE) $(MONITOR_CFLAGS) -UNDEBUG \
	$(not_fortified)

$O/freebsd/%.o: $(SRC)/%.c config.mk
	$(call say,CC)
	$Qmkdir -p $(@D)
	$Q$(MONITOR_CC) $(freebsd_test_cflags) -MMD -MP -c -o $@ $<

$(freebsd_tests): $O/%: $O/freebsd/%.o $(freebsd_host_obj) $(plain_lib) $O/librest.a
	$(call say,LD)
	$Qmkdir -p $(@D)
	$Q$(link_test) $(CMOCKA) $(monitor_libs)
