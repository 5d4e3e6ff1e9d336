# SPDX-License-Identifier: ISC
# guests.mk: the guests that tests run: tests/guests/NAME.c, with NAME.json if it has devices.
#
# Included by GNUmakefile after bindings.mk, which makes guest_cc and guest_all. guest_tests
# are the images, goal guests builds them.

test_guest_src := $(SRC)/tests/guests
test_guest_out := $O/tests/guests

# hostile.c is built once for each set of devices; net.c also with two devices.
test_guest_variants := hostile_core hostile_block hostile_net
test_guest_names := $(filter-out hostile,$(patsubst tests/guests/%.c,%, \
	$(call ours,$(call src_files,tests/guests/*.c)))) $(test_guest_variants) net_two
# Examples that a suite runs.
test_examples := ping udp-echo vsock-echo vsock-http
guest_tests := $(test_guest_names:%=$(test_guest_out)/%.hvt) \
	$(test_examples:%=$(test_guest_out)/example-%.hvt)

.PHONY: guests
guests: $(guest_tests)

# General registers only: some hypervisors lack the rest, and only fpu.c needs it.
# A debugger shows variables of these.
test_guest_cflags = -std=gnu11 -O2 $(WARN) $(WERROR) $(if $(filter fpu,$*),,-mgeneral-regs-only) \
	$(if $(filter debug debug_net,$*),-g)
test_guest_json = $(wildcard $(test_guest_src)/$*.json)
test_guest_needs := $(guest_all) $(filter husk-manifest,$(programs)) $(SRC)/tests/guests/guests.mk \
	$(wildcard $(test_guest_src)/*.h $(test_guest_src)/*.json)

define test_guest_image
$(call say,GUEST)
$Qmkdir -p $(@D)
$Q$(guest_cc) $(test_guest_cflags) -o $@ $< $(test_guest_json)
endef

$(test_guest_variants:%=$(test_guest_out)/%.hvt): $(test_guest_out)/%.hvt: \
		$(test_guest_src)/hostile.c $(test_guest_needs)
	$(test_guest_image)

$(test_guest_out)/net_two.hvt: $(test_guest_out)/%.hvt: $(test_guest_src)/net.c $(test_guest_needs)
	$(test_guest_image)

define test_example
$(test_guest_out)/example-$1.hvt: test_guest_json = $(SRC)/examples/$1/manifest.json
$(test_guest_out)/example-$1.hvt: $(SRC)/examples/$1/$1.c $(SRC)/examples/$1/manifest.json \
		$(test_guest_needs)
	$$(test_guest_image)
endef
$(foreach e,$(test_examples),$(eval $(call test_example,$e)))

$(test_guest_out)/%.hvt: $(test_guest_src)/%.c $(test_guest_needs)
	$(test_guest_image)
