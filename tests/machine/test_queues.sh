#!/bin/sh
# SPDX-License-Identifier: ISC
# test_queues.sh: a network, a disk and sockets with all their queues in one small guest: each has its turns, and
# none costs anything while nothing happens.
set -u

# shellcheck source=tests/machine/lib.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib.sh"
# shellcheck source=tests/machine/lib_net.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib_net.sh"
need_guests
need_hypervisor
need_network
[ -x "$TOOLS/streams" ] || skip_all "the host's side is not built: $TOOLS/streams"

ROUNDS=40			# questions of a program, and as many requests to the disk
helpers=
# shellcheck disable=SC2317 # called on the way out
cleanup() {
	# shellcheck disable=SC2086 # numbers
	[ -z "$helpers" ] || kill $helpers 2>/dev/null
}

# meanwhile PROGRAM ARGUMENT...: in the background, until end_helpers.
meanwhile() {
	program=$1
	shift
	"$TOOLS/$program" "$@" >"$T/$program" 2>&1 &
	helpers="$helpers $!"
}

end_helpers() {
	# shellcheck disable=SC2086 # numbers
	kill $helpers 2>/dev/null
	# shellcheck disable=SC2086 # numbers
	wait $helpers 2>/dev/null
	helpers=
}

# What has come is answered; then there is nothing to do.
# shellcheck disable=SC2317 # called by within
settled() {
	before=$(ticks)
	sleep 0.2
	[ "$(ticks)" -eq "$before" ]
}

# costs EXITS CALLS: of the last run, without those of one that gets no frame, adds to $reason if there are more. To
# run the guest again is none of the calls.
costs() {
	exits=$(awk '$1 == "exits" { n += $3 } END { print n + 0 }' "$T/err")
	calls=$(($(figure total system_calls) - exits - base_calls))
	exits=$((exits - base_exits))
	[ $exits -le "$1" ] || reason="${reason:+$reason; }$exits exits, not $1"
	[ $calls -le "$2" ] || reason="${reason:+$reason; }$calls system calls, not $2"
}

# bursts FRAMES EXITS CALLS: four of them, each of which is there before husk goes on.
bursts() {
	launch --mem=8 --stats --net:service0=tap100 -- "$(image net_load)" --solo5:quiet take $((4 * $1))
	for n in 0 1 2 3; do
		within 20 settled
		kill -STOP "$started"
		peer frames tap100 send "$1" 0 $((n * $1))
		kill -CONT "$started"
	done
	await 20
	reason=
	[ "$status" -eq 0 ] || reason="exit status $status"
	costs "$2" "$3"
	report "four bursts of $1 frames that come: at most $2 exits and $3 system calls" "$reason"
}

# sends FRAMES EXITS: of 1024 frames in bursts of so many, with a wait behind each. A guest that stood still in between
# sent early what it had held back: of a few runs one has to be as it should.
sends() {
	for _ in 1 2 3 4 5; do
		run --mem=8 --stats --net:service0=tap100 -- "$(image net_load)" --solo5:quiet send 1024 "$1"
		reason=
		[ "$status" -eq 0 ] || reason="exit status $status"
		costs "$2" 2147483647
		[ -n "$reason" ] || break
	done
	report "1024 frames that go, in bursts of $1: at most $2 exits" "$reason"
}

tap tap100 -
dd if=/dev/zero of="$T/disk" bs=65536 count=1 2>/dev/null

launch --mem=4 --stats --net:service0=tap100 --block:storage="$T/disk" --vsock:sockets=listen=7:"$T/socket" -- \
	"$(image all_queues)" fair $ROUNDS sleep
meanwhile frames tap100 send 1000000000 64
meanwhile streams trips "$T/socket" 1000000
within 60 grep -q -e FAIR -e frames -e 'the ' "$T/out" || echo "# the guest does not come to its end"
end_helpers
report "a flood of frames leaves the disk and a program their turns" "$(grep -q FAIR "$T/out" || show "$T/out")"
within 50 settled
report "no processor time while all queues have nothing to do" "$(busy)"
kill -TERM "$started"
await 20
judge "it can be ended" 1 'signal 15'
figure_is "4 MiB have room for a queue of frames that come" net:service0 queue_received -ge 256
figure_is "for one of those that go" net:service0 queue_sent -ge 1
figure_is "for that of the disk" block:storage requests -eq $ROUNDS
figure_is "and for those of the sockets" vsock:sockets packets_sent -ge $ROUNDS
figure_is "no frame is read by a hypercall" hypercalls net_read -eq 0

base_exits=0 base_calls=0
run --mem=8 --stats --net:service0=tap100 -- "$(image net_load)" --solo5:quiet take 0
costs 0 0
base_exits=$exits base_calls=$calls
bursts 256 20 1126
bursts 32 8 144
bursts 1 5 13
# Where the guest is emulated, a copy takes longer than an exit, and no frame waits for another.
if lacks_instructions; then
	skip "frames that go" "this KVM emulates the guest's instructions"
else
	sends 256 82
	sends 32 300
fi
sends 1 2050
finish
