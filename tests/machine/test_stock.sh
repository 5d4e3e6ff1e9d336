#!/bin/sh
# SPDX-License-Identifier: ISC
# test_stock.sh: images that are linked with husk's bindings, under the Solo5 project's own monitor: they boot
# there, move the same bytes, and do what can be done where none of husk's additions is.
set -u

# shellcheck source=tests/machine/lib.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib.sh"
# shellcheck source=tests/machine/lib_net.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib_net.sh"
[ -n "${SOLO5_HVT-}" ] || skip_all "SOLO5_HVT names no solo5-hvt"
[ "${BACKEND:-kvm}" = kvm ] || skip_all "solo5-hvt is built for KVM"
need_guests
need_hypervisor
network=no
if [ "$(id -u)" -eq 0 ] && [ -c /dev/net/tun ]; then
	need_network
	network=yes
fi
OURS=$HUSK HUSK=$SOLO5_HVT
BENCH=${BUILD:-.}/obj/tests/bench
BYTES=262144			# of a stream: one answer

zeroes() {
	dd if=/dev/zero of="$1" bs=65536 count="$2" 2>/dev/null
}

boots() {
	run --mem=2 "$(image hello)" Hello_Solo5
	succeeds "an image without devices"
	run --mem=4 "$(image vsock_wants)"
	succeeds "one that wants all additions"
}

# The same image under both leaves the same disk: requests of many blocks are hypercalls that any monitor serves.
same_content() {
	for monitor in husk stock; do
		[ $monitor = stock ] && HUSK=$SOLO5_HVT || HUSK=$OURS
		zeroes "$T/$monitor" 4
		run --mem=16 --block:storage="$T/$monitor" "$(image blk)"
		succeeds "many blocks at once, and what was read ahead: $monitor"
	done
	report "both disks are alike" "$(cmp "$T/husk" "$T/stock" 2>&1)"
	report "and were written to" "$([ "$(tr -d '\000' <"$T/husk" | wc -c)" -gt 0 ] || echo "nothing but zeroes")"
}

# 32 at a time, each done when it is submitted; a flush is refused, as nothing there makes it true.
fallbacks() {
	zeroes "$T/disk" 1
	run --mem=2 --block:storage="$T/disk" "$(image requests)" plain
	succeeds "requests without queues, against a copy; no flush"
	run --mem=2 --block:storage="$T/disk" "$(image requests)" write 0 65536 zeroes 4096 8192
	succeeds "zeroes are written"
	report "they are on the disk" "$([ "$(tr -d '\000' <"$T/disk" | wc -c)" -eq $((65536 - 8192)) ] || echo "other bytes")"
	run --mem=2 --block:storage="$T/disk" "$(image requests)" discard 0 4096
	judge "a discard is refused" 13
}

# mib NAME N MODE SIZE: what another MiB costs.
mib() {
	name=$1 n=$2 each=$((1048576 / $4)) reason=
	for times in 1 2; do
		timeout "$LIMIT" sh "$SRC/tests/bench/count.sh" "$SOLO5_HVT" --mem=8 --block:disk="$T/mib" \
			"$BENCH/guest_blocks.hvt" --solo5:quiet "$3" "$4" $((times * each)) >"$T/times$times" 2>"$T/err"
		case $? in
		0) ;;
		77) skip "$name" "no strace, or it may not trace" && return ;;
		*) reason="it failed" ;;
		esac
	done
	for what in runs others; do
		more=$(awk -v name=$what '$1 == name { n = $2 - n } END { print n }' "$T/times1" "$T/times2")
		[ "$more" -eq "$n" ] || reason="${reason:+$reason; }$more $what, not $n"
	done
	report "$name" "$reason"
}

# What mirage-block-solo5 does: calls of one sector, ascending.
few_exits() {
	zeroes "$T/mib" 32
	mib "a MiB read in blocks of 512 bytes is 16 exits and 16 other calls" 16 read 512
	mib "a MiB written at once is one of each" 1 write 1048576
}

frames() {
	if [ $network = no ]; then
		skip "frames" "only root can make network interfaces"
		return
	fi
	tap tap100 10.0.0.1
	launch --mem=4 --net:service0=tap100 "$(image net_load)" echo 2000 32
	peer frames tap100 echo 2000 32
	await 20
	peer_ok "2000 frames each way, none lost or overtaken"
	succeeds "the guest agrees"
	launch --mem=2 --net:service0=tap100 "$(image example-ping)" limit 200
	peer flood 10.0.0.2 200 1472
	await 20
	peer_ok "an image that did not ask for queues answers"
}

# stream NAME DIRECTION WAY PEER-WORD...: of solo5x.h nothing is granted, and what is in its table comes instead.
stream() {
	name=$1 direction=$2 way=$3
	shift 3
	launch --mem=16 --net:service0=tap100 "$(image stream)" --solo5:quiet "$direction" "$way" $BYTES
	peer stream "$@"
	await 60
	peer_ok "$name: the host's end agrees"
	judge "$name: and the guest" 0 SUCCESS '^granted 0$' "^largest $([ "$direction" = sink ] && echo 1514 || echo 0)\$"
}

offloads() {
	if [ $network = no ]; then
		skip "offloads" "only root can make network interfaces"
		return
	fi
	tap tap100 -
	ip link set tap100 qlen 2000
	stream "checksums are made in the guest" source csum sink tap100 $BYTES check
	report "all of them" "$(grep -q "largest 1514 unfinished 0 wrong 0" "$T/peer" || show "$T/peer")"
	stream "segments are cut by it" source tso sink tap100 $BYTES check
	report "all of those" "$(grep -q "largest 1514 unfinished 0 wrong 0" "$T/peer" || show "$T/peer")"
	stream "what comes is whole" sink "tso check" source tap100 $BYTES
}

boots
same_content
fallbacks
few_exits
frames
offloads
finish
