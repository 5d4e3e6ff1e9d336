#!/bin/sh
# SPDX-License-Identifier: ISC
# test_gdb_frames.sh: a guest is interrupted by our own small debugger while frames come and go, and none
# is lost: 8 of the numbers in test_gdb.sh.
set -u

# shellcheck source=tests/machine/lib.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib.sh"
# shellcheck source=tests/machine/lib_net.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib_net.sh"
# shellcheck source=tests/machine/lib_gdb.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib_gdb.sh"
need_guests
need_hypervisor
need_debugging
need_network

[ $arch = x86_64 ] && frames=1000 || frames=200
tap tap100 -

# Whether frames have come to the guest.
flows() {
	awk '$1 == "tap100:" && $11 > 0 { there = 1 } END { exit !there }' /proc/net/dev
}

# "exits pio N", or mmio, in the text of monitor stats, which comes as hexadecimal digits: N, a line for each time. The
# guest makes none while it waits for a frame. Its polls tell less: it needs none where the next frame is there already.
[ $arch = x86_64 ] && io=70 || io=6d6d
exits() {
	sed -n "s/.*657869747320${io}696f20\(\(3[0-9]\)*\)0a.*/\1/p" "$T/replies" | sed 's/3\(.\)/\1/g'
}

interrupt() {
	printf '%s\n' '!c' 'sleep 50' ^C . qRcmd,7374617473
}

# One at a time. The client's lines are longer than those of others.
for option in --no-net-ring --mem=8; do
	rm -f "$place"
	launch --mem=8 --stats --gdb="$place",nowait "$option" --net:service0=tap100 -- "$(image net_load)" echo "$frames" 16
	timeout -s KILL "$LIMIT" "$TOOLS/frames" tap100 echo "$frames" 1 >"$T/peer" 2>&1 &
	other=$!
	within 20 flows || echo "# nothing flows"
	{
		interrupt && interrupt && interrupt && interrupt && echo D
	} | timeout 60 "$RSP" "$place" >"$T/replies" 2>&1
	exits >"$T/exits"
	report "8: ^C stops a guest four times ($option)" "$(
		[ "$(grep -c '^T02thread' "$T/replies")" = 4 ] || cut -c 1-60 "$T/replies")"
	read -r first <"$T/exits"
	if [ "$(sort -n -u "$T/exits" | wc -l)" = 1 ] && [ "${first:-0}" -ge "$frames" ]; then
		skip "8: while frames flow" "they were faster than the debugger"
	else
		report "8: while frames flow" "$([ "$(sort -n -u "$T/exits" | wc -l)" -gt 1 ] || show "$T/exits")"
	fi
	wait $other
	peer_status=$?
	await 20
	succeeds "8: and none is lost on the way to the guest ($option)"
	figure_is "8: nor on the way back" net:service0 frames_sent -eq "$frames"
	peer_ok "8: and all come in order"
done
finish
