#!/bin/sh
# SPDX-License-Identifier: ISC
# test_frames.sh: no frame is lost, damaged or overtaken, either way, by the ring or by hypercalls.
#
# FRAMES is how many, each way; 1000000 if HUSK_LONG is 1. If neither is given it is 100000, or as
# many as take SECONDS_EACH where that is less.
set -u

# shellcheck source=tests/machine/lib.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib.sh"
# shellcheck source=tests/machine/lib_net.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib_net.sh"
need_guests
need_hypervisor
need_network

SECONDS_EACH=10
SAMPLE=1000
BURST=64
LIMIT=7200

tap tap100 -

# exchange OPTION COUNT: the guest sends all that it gets back.
exchange() {
	launch --mem=8 --stats "$1" --net:service0=tap100 -- "$(image net_load)" echo "$2" $BURST
	peer frames tap100 echo "$2" $BURST
	await 20
}

# Of the last exchange.
rate() {
	sed -n 's/.* frames, \([0-9]*\) a second$/\1/p' "$T/peer"
}

# how_many OPTION
how_many() {
	if [ -n "${FRAMES-}" ]; then
		echo "$FRAMES"
	elif [ "${HUSK_LONG-}" = 1 ]; then
		echo 1000000
	else
		exchange "$1" $SAMPLE
		possible=$(rate)
		possible=$((${possible:-0} * SECONDS_EACH))
		[ $possible -lt 100000 ] || possible=100000
		[ $possible -ge $SAMPLE ] || possible=$SAMPLE
		echo $possible
	fi
}

# whole NAME OPTION
whole() {
	frames=$(how_many "$2")
	exchange "$2" "$frames"
	peer_ok "$frames frames from the guest, $1: $(rate) a second"
	succeeds "as many to the guest, $1"
	figure_is "each was received once, $1" net:service0 frames_received -eq "$frames"
	figure_is "each was sent once, $1" net:service0 frames_sent -eq "$frames"
}

whole "by the ring" --stats
whole "by hypercalls" --no-net-ring
finish
