# SPDX-License-Identifier: ISC
# web.mk: the example that consists of several files and lwIP, which is fetched for the first build.
#
# Included by GNUmakefile after guests.mk. Goal web: nothing else needs it, nor the network.

web_image := $(test_guest_out)/web.hvt
web_src := $(wildcard $(addprefix $(SRC)/examples/web/,*.[ch] *.json */*.h build fetch-lwip))

.PHONY: web
web: $(web_image)

$(web_image): $(web_src) $(test_guest_needs)
	$(call say,GUEST)
	$Qmkdir -p $(@D)
	$QCFLAGS='-O2 -Wall -Wextra' $(SRC)/examples/web/build $O/web $(guest_cc)
	$Qcp $O/web/web.hvt $@
