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
	# shellcheck disable=SC2086 # words
	launch --mem=8 --stats $1 --net:service0=tap100 -- "$(image net_load)" echo "$2" $BURST
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

ask_often() {
	for n in 1 2 3 4 5 6 7 8 9 10; do
		for m in 1 2 3 4 5 6 7 8 9 10; do
			kill -USR1 "$started" "$started" "$started" "$started" "$started" 2>/dev/null || return
			kill -USR1 "$started" "$started" "$started" "$started" "$started" 2>/dev/null || return
			sleep 0.01
		done
	done
}

# Figures are asked for a thousand times meanwhile. What comes while a text is on its way is answered by one;
# vmm's stand-in needs several system calls for each interruption, which an emulated machine takes long for.
asked() {
	many=10
	[ "${BACKEND:-kvm}" = kvm ] || many=4
	frames=$(($(rate) * 2))
	[ $frames -lt 20000 ] || frames=20000
	launch --mem=8 --stats=json --net:service0=tap100 -- "$(image net_load)" echo $frames $BURST
	ask_often &
	peer frames tap100 echo $frames $BURST
	wait $!
	await 20
	peer_ok "$frames frames while the figures are asked for"
	succeeds "as many to the guest meanwhile"
	report "each text of figures is whole" "$(grep -v '^{.*}}$' "$T/err" | head -1 | cut -c1-100)"
	report "and there were many" "$([ "$(wc -l <"$T/err")" -ge $many ] || echo "$(wc -l <"$T/err") lines")"
	report "and no frame is lost" \
		"$(tail -1 "$T/err" | grep -q "\"frames_received\":$frames,.*\"frames_sent\":$frames," || show "$T/err" | tail -1 | cut -c1-900)"
}

whole "by queues" --stats
whole "by the ring" --no-net-queues
asked
whole "by hypercalls" "--no-net-queues --no-net-ring"
finish
