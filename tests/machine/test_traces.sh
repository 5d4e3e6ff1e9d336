#!/bin/sh
# SPDX-License-Identifier: ISC
# test_traces.sh: every guest that there is, traced as lines and for viewers; number 27 of test_trace.sh's list.
#
# One form for each guest, by turns; with HUSK_LONG=1 both. What is traced is judged by traced.c: each call is
# known and told in words, events of a row do not overlap, and the end is the last. What the guest does is for
# other suites: here it is whatever it comes to do.
set -u

LIMIT=${LIMIT:-60}
# shellcheck source=tests/machine/lib.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib.sh"
need_guests
need_hypervisor
"$HUSK" --help | grep -q -e --trace || skip_all "this husk has no module trace"
TOOLS=${TOOLS:-$BUILD/obj/tests/machine}
[ -x "$TOOLS/traced" ] || skip_all "the host's side is not built: $TOOLS/traced"

# words_for IMAGE: the command line that makes it do something.
words_for() {
	case $1 in
	args) echo "one two" ;;
	debug | debug_disk | debug_net) echo now ;;
	disk) echo write 0 512 read 0 512 ;;
	exit) echo exit 7 ;;
	hello) echo Hello_Solo5 ;;
	hostile_aarch64) echo svc ;;
	hostile_block) echo block_write len=512 ;;
	hostile_core) echo 10 ;;
	hostile_frames) echo flags ;;
	hostile_net) echo net_write len=60 ;;
	hostile_requests) echo type ;;
	hostile_ring) echo write buffer 64 write buffer 64 read buffer 64 submit served completions 1 ;;
	hostile_vsock) echo announce post 4 send 1 5 0 poll 1 ;;
	hostile_x86_64) echo triple-fault ;;
	hot) echo write 10 ;;
	memory) echo 8 ;;
	net | net_two) echo limit 2 ;;
	net_load) echo send 20 4 ;;
	net_many) echo none 1 ;;
	output) echo all ;;
	owner) echo 39 ;;
	requests) echo work ;;
	spin) echo sleep ;;
	stream) echo sink csum 1 ;;
	wxorx) echo write text ;;
	zeropage) echo read 65536 ;;
	esac
}

# Disks are made; a network is a pipe, and what was sent comes back; nobody calls a socket device.
attach() {
	: >"$T/devices"
	wires=0
	"$HUSK" --inspect "$(image "$1")" | sed -n 's/^device: *\([^,]*\), /\1 /p' >"$T/list"
	while read -r device kind; do
		case $kind in
		BLOCK_BASIC)
			dd if=/dev/zero of="$T/$device" bs=65536 count=1 2>/dev/null
			echo "--block:$device=$T/$device"
			;;
		NET_BASIC)
			echo "--net:$device=@$((100 + 2 * wires)),@$((101 + 2 * wires))"
			wires=$((wires + 1))
			;;
		VSOCK) echo "--vsock:$device=listen=$T/v" ;;
		esac >>"$T/devices"
	done <"$T/list"
	[ $wires = 0 ] || start_with="$TOOLS/inherit pipes=$wires --"
}

# It has ended, or waits for who never comes.
is_over() {
	ended || grep -q -e READY -e WAITING -e Waiting -e 'MTU is' "$T/out"
}

# traced HOW IMAGE FILE
traced() {
	rm -f "$3"
	# shellcheck disable=SC2046 # words
	start --mem=8 --trace="$3" $(cat "$T/devices") -- "$(image "$2")" $(words_for "$2")
	within 20 is_over
	ended || kill -TERM "$started"
	await 20
	fault=$("$TOOLS/traced" "$1" "$3" 2>&1)
	[ "$status" != killed ] || fault="it did not end"
	[ -z "$(unsound)" ] || fault="${fault:+$fault; }a sanitizer warned"
	report "$2, $1" "$fault"
}

guests=0
for path in "$GUESTS"/*.hvt; do
	name=${path##*/} name=${name%.hvt} start_with=
	attach "$name"
	guests=$((guests + 1))
	[ -z "${HUSK_LONG-}" ] && [ $((guests % 2)) = 0 ] || traced lines "$name" "$T/trace"
	[ -z "${HUSK_LONG-}" ] && [ $((guests % 2)) = 1 ] || traced viewers "$name" "$T/trace.json"
done
start_with=
report "that is every guest" "$([ $guests -ge 45 ] || echo "$guests")"
finish
