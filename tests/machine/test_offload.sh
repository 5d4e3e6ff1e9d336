#!/bin/sh
# SPDX-License-Identifier: ISC
# test_offload.sh: checksums and segments that are left to the host, by guests that ask for that, and whole
# frames for those that do not.
set -u

# shellcheck source=tests/machine/lib.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib.sh"
# shellcheck source=tests/machine/lib_net.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib_net.sh"
need_guests
need_hypervisor
need_network

fresh() {
	tap tap100 - "$@"
	ip link set tap100 qlen 2000
}

# --- guests that ask ------------------------------------------------------------------------------

fresh
stream "segments out" source tso
figure_is "one frame is many of them" net:service0 offloaded_sent -eq $LARGE_FRAMES
figure_is "and none is dropped" net:service0 tx_error -eq 0
report "they reach the host as one" "$(grep -q "largest $LARGE unfinished $LARGE_FRAMES wrong 0" "$T/peer" || show "$T/peer")"
stream "segments in" sink "tso check"
said "they reach the guest as one" largest -eq $LARGE
figure_is "in many buffers" net:service0 offloaded_received -eq $LARGE_FRAMES
report "nothing of it is left to who comes next" "$("$TOOLS/stream" offloads tap100 none)"

stream "segments out over IPv6" source "tso six"
report "they reach the host as one, too" "$(grep -q "largest $LARGE_SIX unfinished $LARGE_FRAMES wrong 0" "$T/peer" || show "$T/peer")"
stream "segments in over IPv6" sink "tso six check"
said "they reach the guest as one, too" largest -eq $LARGE_SIX

stream "checksums out" source csum
figure_is "all of them" net:service0 offloaded_sent -ge $FRAMES
stream "checksums in" sink "csum check"
said "frames are no longer than the MTU" largest -eq $SMALL
said "the host makes none" unfinished -eq $FRAMES
report "nor is anything of that" "$("$TOOLS/stream" offloads tap100 none)"

# sum FIGURE START OFFSET: what becomes of a frame of 64 bytes whose checksum belongs there, from a guest without
# bindings, which would refuse to send it.
sum() {
	run --mem=8 --stats --net:service0=tap100 -- "$(image hostile_frames)" --solo5:quiet sum "$2" "$3"
	judge "a checksum $3 bytes behind byte $2: $1" 0 "net:service0 $1 1$"
}

sum offloaded_sent 34 16
sum offloaded_sent 34 28
sum queue_refused 34 29
sum queue_refused 34 65535
sum queue_refused 13 16

# --- and those that do not ------------------------------------------------------------------------

fresh stale
report "a tap that leaves checksums and segments to its reader" "$("$TOOLS/stream" offloads tap100 some)"
stream "a guest that asked for nothing" sink "plain check"
said "has no frame longer than the MTU" largest -eq $SMALL
figure_is "nor one without its checksum" net:service0 offloaded_received -eq 0
fresh stale
stream "nor has one by hypercalls" sink "plain check" --no-net-queues --no-net-ring
said "a longer frame" largest -eq $SMALL
stream "without queues checksums are made in the guest" source csum --no-net-queues
said "as nothing is granted" granted -eq 0
report "and are right" "$(grep -q "unfinished 0 wrong 0" "$T/peer" || show "$T/peer")"
stream "nor segments" source tso --no-net-queues
said "none is granted" granted -eq 0
report "and the guest cuts them" "$(grep -q "largest $SMALL unfinished 0 wrong 0" "$T/peer" || show "$T/peer")"

# --- taps of others, ends without warning ---------------------------------------------------------

for kind in vnet queues 'queues vnet'; do
	# shellcheck disable=SC2086 # words
	fresh $kind
	stream "a tap made as: $kind" sink "tso check"
	said "a tap made as $kind has them" largest -eq $LARGE
done
ip link del tap100
monitor=$HUSK HUSK=$TOOLS/tap
for kind in vnet 'vnet pi'; do
	# shellcheck disable=SC2086 # words
	launch open 9 tap100 $kind -- sh -c "ip link set tap100 up qlen 2000; exec \"\$@\"" sh "$monitor" \
		--mem=16 --net:service0=@9 -- "$(image stream)" --solo5:quiet sink tso check $BYTES
	peer stream source tap100 $BYTES
	await 30
	peer_ok "an inherited one, made as: $kind"
	said "an inherited one made as $kind has them" largest -eq $LARGE
done
launch open 9 tap100 plain -- sh -c "ip link set tap100 up qlen 2000; exec \"\$@\"" sh "$monitor" \
	--mem=16 --net:service0=@9 -- "$(image stream)" --solo5:quiet sink tso check $BYTES
peer stream source tap100 $BYTES
await 30
peer_ok "one without a header carries whole frames"
said "one without a header carries whole ones" largest -eq $SMALL
HUSK=$monitor

fresh
launch --mem=16 --net:service0=tap100 -- "$(image stream)" sink tso $BYTES
report "while a guest has asked" "$("$TOOLS/stream" offloads tap100 some)"
kill -KILL "$started"
await 20
stream "after SIGKILL, one that asks for nothing" sink "plain check"
said "has whole frames" largest -eq $SMALL

launch --mem=4 --stats --net:service0=tap100 -- "$(image stream)" --solo5:quiet sink tso check $BYTES
peer stream source tap100 $BYTES
await 30
peer_ok "4 MiB of memory"
said "have room for segments" largest -eq $LARGE
finish
