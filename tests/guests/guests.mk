# guests.mk: the guests that tests run: tests/guests/NAME.c, with NAME.json where it declares devices.
#
# Included by GNUmakefile. guest_tests are the images, goal guests builds them.

guests_dir := tests/guests
guest_out := $O/$(guests_dir)

# hostile.c is built once for each set of devices.
guest_names := $(filter-out hostile,$(patsubst $(guests_dir)/%.c,%, \
	$(call ours,$(call src_files,$(guests_dir)/*.c)))) hostile_core hostile_block hostile_net
guest_tests := $(guest_names:%=$(guest_out)/%.hvt)

# General registers only: some hypervisors lack the rest, and only fpu.c needs it.
guests_cflags := -std=gnu11 -O2 $(WARN) $(WERROR)
guest_registers = $(if $(filter fpu,$*),,-mgeneral-regs-only)
guest_json = $(wildcard $(SRC)/$(guests_dir)/$*.json)
guest_image = $(guest_cc) $(guests_cflags) $(guest_registers) -o $@ $< $(guest_json)

.PHONY: guests
guests: $(guest_tests)

guest_needs := $(guest_all) husk-manifest $(SRC)/$(guests_dir)/guests.mk $(wildcard $(SRC)/$(guests_dir)/*.h \
	$(SRC)/$(guests_dir)/*.json)

$(guest_out)/hostile_core.hvt $(guest_out)/hostile_block.hvt $(guest_out)/hostile_net.hvt: \
$(guest_out)/%.hvt: $(SRC)/$(guests_dir)/hostile.c $(guest_needs)
	$(call say,GUEST)
	$Qmkdir -p $(@D)
	$Q$(guest_image)

$(guest_out)/%.hvt: $(SRC)/$(guests_dir)/%.c $(guest_needs)
	$(call say,GUEST)
	$Qmkdir -p $(@D)
	$Q$(guest_image)
