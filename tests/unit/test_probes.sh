#!/bin/sh
# SPDX-License-Identifier: ISC
# test_probes.sh: the probes that configure.sh --enable-usdt asks for are there, and otherwise none.
set -u

src=${SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}

# The value that the build under test was configured with.
value() {
	sed -n "s/^$1 := //p" "${BUILD:-}/config.mk" 2>/dev/null
}

command -v readelf >/dev/null || skip_all "there is no readelf"
[ "$(value OS)" = linux ] || skip_all "probes are for Linux"
MONITOR_CC=$(value MONITOR_CC)
export MONITOR_CC
echo '#include <sys/sdt.h>' | $MONITOR_CC -E - >/dev/null 2>&1 || skip_all "there is no sys/sdt.h (systemtap-sdt-dev)"

# notes FILE...: names of probes, with how many arguments each has.
notes() {
	readelf -n "$@" 2>/dev/null | awk '/Provider: / { ours = $2 == "husk" } /Name: / { name = $2 }
		/Arguments:/ && ours { print name, NF - 1 }' | LC_ALL=C sort -u
}

cat >"$tmp/wanted" <<'END'
block 3
console 1
exit 1
frame_in 1
frame_out 1
hypercall_entry 2
hypercall_return 3
END
objects='obj/monitor/core.o obj/monitor/hypercall.o obj/monitor/console.o obj/monitor/net/netdev.o
obj/monitor/block/calls.o obj/monitor/block/queue.o'
# shellcheck disable=SC2086 # words
(mkdir "$tmp/out" && cd "$tmp/out" &&
	"$src/configure.sh" --enable-usdt --disable-bindings --disable-sandbox --modules=block,net --werror &&
	make $objects) >"$tmp/log" 2>&1
# shellcheck disable=SC2086
(cd "$tmp/out" && notes $objects) >"$tmp/had"
if diff "$tmp/wanted" "$tmp/had" >>"$tmp/log"; then
	echo "ok 1 - probes have the names and arguments that docs/debugging.md says"
else
	echo "not ok 1 - probes have the names and arguments that docs/debugging.md says"
	tail -n 30 "$tmp/log" | sed 's/^/# /'
fi
if [ "$(value USDT)" = yes ] || [ -z "$(notes "${HUSK:-husk}")" ]; then
	echo "ok 2 - who does not ask for probes has none"
else
	echo "not ok 2 - who does not ask for probes has none"
fi
echo 1..2
