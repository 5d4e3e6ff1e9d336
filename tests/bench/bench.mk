# SPDX-License-Identifier: ISC
# bench.mk: the floor, the guests and the driver of the benchmarks.
#
# Included by GNUmakefile after bindings.mk, which makes guest_cc and guest_all. bench_programs is
# what run.sh and test_counts.sh need.

bench_src := $(SRC)/tests/bench
bench_out := $O/tests/bench
bench_guests := $(if $(guest_cc),$(addprefix $(bench_out)/,guest_bare.hvt guest_bare_disk_net.hvt \
	guest_halt.hvt guest_loop.hvt guest_block.hvt guest_blocks.hvt guest_net.hvt guest_disk_net.hvt))
bench_programs := $(if $(filter linux,$(OS)),$(bench_out)/floor $(bench_out)/floor_bare $(bench_out)/bench) \
	$(bench_guests)

# ---- the driver, and the floor: compiled and linked as husk is, so that exec costs the same ----

bench_driver_obj := $(addprefix $(bench_out)/,bench.o measure.o net.o other.o peer.o report.o \
	resident.o)
bench_floor_obj := $(addprefix $(bench_out)/,floor.o floor_$(ARCH).o floor_net.o floor_net_guest.o \
	loop_$(ARCH).o $(if $(filtered),floor_filter.o,floor_nofilter.o)) \
	$(if $(filtered),$O/monitor/sandbox_program.o $O/sandbox.gen.o)

$(bench_out)/bench: $(bench_driver_obj)
	$(call say,LD)
	$Q$(MONITOR_CC) $(monitor_ldflags) -o $@ $^

$(bench_out)/floor: $(bench_floor_obj)
	$(call say,LD)
	$Q$(MONITOR_CC) $(monitor_ldflags) -o $@ $^

# The same without a C library, which nothing here may ask for one.
bench_bare_obj := $(addprefix $(bench_out)/bare_,floor_bare.o floor_$(ARCH).o floor_bare_$(ARCH).o) \
	$(bench_out)/loop_$(ARCH).o
bench_bare_cflags = $(base_cflags) -O2 -ffreestanding -fno-stack-protector -fno-asynchronous-unwind-tables

$(bench_out)/floor_bare: $(bench_bare_obj)
	$(call say,LD)
	$Q$(MONITOR_CC) -static -nostdlib -Wl,-z,noexecstack -Wl,--build-id=none -o $@ $^

$(bench_out)/bare_%.o: $(bench_src)/%.c $(bench_src)/floor.h $(bench_src)/loop.h config.mk
	$(call say,CC)
	$Qmkdir -p $(@D)
	$Q$(MONITOR_CC) $(bench_bare_cflags) -c -o $@ $<

$(bench_out)/bare_%.o: $(bench_src)/%.S config.mk
	$(call say,CC)
	$Qmkdir -p $(@D)
	$Q$(MONITOR_CC) $(base_cflags) -c -o $@ $<

$(bench_out)/loop_$(ARCH).o: $(bench_src)/loop_$(ARCH).S config.mk
	$(call say,CC)
	$Qmkdir -p $(@D)
	$Q$(MONITOR_CC) $(monitor_cflags) -c -o $@ $<

# Machine code that is copied into a guest: nothing may be added to it.
$(bench_out)/floor_net_guest.o: $(bench_src)/floor_net_guest.c $(bench_src)/floor_net.h \
		$(bench_src)/net.h config.mk
	$(call say,CC)
	$Qmkdir -p $(@D)
	$Q$(MONITOR_CC) $(base_cflags) -O2 -fPIE -ffreestanding -fno-stack-protector \
		-mgeneral-regs-only -I$(SRC)/include -c -o $@ $<

# ---- guests: general registers only, as the host may emulate the rest badly or not at all ----

bench_guest_cflags := -std=gnu11 -O2 $(WARN) $(WERROR) -mgeneral-regs-only
bench_guest_loop := $(bench_src)/loop_$(ARCH).S
bench_guest_needs := $(guest_all) $(filter husk-manifest,$(programs)) $(bench_guest_loop) \
	$(bench_src)/bench.mk $(bench_src)/loop.h $(SRC)/tests/guests/guest.h $(bench_src)/guest_block.json

define bench_guest_image
$(call say,GUEST)
$Qmkdir -p $(@D)
$Q$(guest_cc) $(bench_guest_cflags) -o $@ $< $(bench_guest_loop) $(bench_guest_json)
endef

$(bench_out)/guest_block.hvt $(bench_out)/guest_blocks.hvt: \
	bench_guest_json := $(bench_src)/guest_block.json

$(bench_out)/guest_block.hvt: $(bench_src)/guest_loop.c $(bench_guest_needs)
	$(bench_guest_image)

$(bench_out)/guest_blocks.hvt: $(bench_src)/guest_blocks.c $(bench_guest_needs)
	$(bench_guest_image)

$(bench_out)/guest_net.hvt: bench_guest_json := $(bench_src)/guest_net.json

$(bench_out)/guest_net.hvt: $(bench_src)/guest_net.c $(bench_guest_needs) \
		$(bench_src)/guest_net.json $(bench_src)/net.h
	$(bench_guest_image)

$(bench_out)/guest_disk_net.hvt: bench_guest_json := $(bench_src)/guest_disk_net.json

$(bench_out)/guest_disk_net.hvt: $(bench_src)/guest_halt.c $(bench_guest_needs) \
		$(bench_src)/guest_disk_net.json
	$(bench_guest_image)

$(bench_out)/guest_loop.hvt: $(bench_src)/guest_loop.c $(bench_guest_needs)
	$(bench_guest_image)

$(bench_out)/guest_halt.hvt: $(bench_src)/guest_halt.c $(bench_guest_needs)
	$(bench_guest_image)

# Not even the bindings' start-up code.
$(bench_out)/guest_bare.hvt: bench_guest_json := $(bench_src)/guest_bare.json
$(bench_out)/guest_bare_disk_net.hvt: bench_guest_json := $(bench_src)/guest_disk_net.json

$(bench_out)/guest_bare.hvt $(bench_out)/guest_bare_disk_net.hvt: $(bench_src)/guest_bare.c \
		$(bench_src)/guest_bare.ld $(bench_src)/guest_bare.json \
		$(bench_src)/guest_disk_net.json $(bench_guest_needs)
	$(call say,GUEST)
	$Qmkdir -p $(@D)
	$Q$(O)/husk-manifest gen $(bench_guest_json) $(@:.hvt=_manifest.c)
	$Q$(GUEST_CC) $(bench_guest_cflags) -c -o $(@:.hvt=_manifest.o) $(@:.hvt=_manifest.c)
	$Q$(GUEST_CC) $(bench_guest_cflags) -ffreestanding -fno-pie -fno-stack-protector \
		-fno-asynchronous-unwind-tables -c -o $(@:.hvt=.o) $<
	$Q$(GUEST_CC) -c -o $(@:.hvt=_loop.o) $(bench_guest_loop)
	$Q$(GUEST_LD) -static -T $(bench_src)/guest_bare.ld -z max-page-size=0x1000 -z noexecstack \
		--build-id=none -o $@ $(@:.hvt=.o) $(@:.hvt=_manifest.o) $(@:.hvt=_loop.o)

# ---- how they are run ----

.PHONY: bench-programs
bench-programs: $(bench_programs)
