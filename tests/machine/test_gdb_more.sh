#!/bin/sh
# SPDX-License-Identifier: ISC
# test_gdb_more.sh: guests under our own small debugger at the edges of text, in block requests, and at ends that
# nobody serves; the numbers are those of test_gdb.sh.
set -u

LIMIT=${LIMIT:-60}
# shellcheck source=tests/machine/lib.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib.sh"
# shellcheck source=tests/machine/lib_gdb.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib_gdb.sh"
need_guests
need_hypervisor
need_debugging

# --- 3: the edges of text -------------------------------------------------------------------------------------------

# As a breakpoint is as wide as an instruction, the last one in text begins there.
edges() {
	set -- "$1" "$2" "$3" "$(printf %x $((0x$steps + 3)))"
	for place_of; do echo "m$place_of,$kind"; done
	for place_of; do echo "Z0,$place_of,$kind"; done
	for place_of; do echo "m$place_of,$kind"; done
}

debug_ready fault
last=$(printf %x $((0x$rodata - kind)))
edges "$text" "$last" "$rodata" | client
name="3: breakpoints in the first and last bytes of text, in rodata and within an instruction are there, unseen"
# On aarch64 there is nothing within an instruction.
[ $arch = x86_64 ] && inner=OK || inner=E14
report "$name" "$([ "$(sed -n 5,8p "$T/replies" | tr '\n' ' ')" = "OK OK OK $inner " ] &&
	[ "$(sed -n 1,4p "$T/replies")" = "$(sed -n 9,12p "$T/replies")" ] || show "$T/replies")"
client <<END
Z0,$text,$kind
Z0,$last,$kind
Z0,$rodata,$kind
M$value,1:01
c
m$rodata,$kind
c
END
expect "13: with breakpoints in rodata and at both ends of text it is as protected as ever" '^OK' '^OK' '^OK' '^OK' \
	'^T0[6b]' '^[0-9a-f]*$' '^[XW]'
await 20
if [ "$status" = 255 ] && ! has_small_pages; then
	judge "11: and the guest ends as without a debugger" 255
else
	judge "11: and the guest ends as without a debugger" 1 'host/guest translation fault'
fi

debug_ready now
last=$(printf %x $((0x$rodata - kind)))
{
	edges "$text" "$last" "$rodata"
	for place_of in "$text" "$last" "$rodata" "$(printf %x $((0x$steps + 3)))"; do echo "z0,$place_of,$kind"; done
	printf '%s\n' "M$value,1:01" D
} | client
await 20
judge "3: and leave nothing behind" 7 'text is the same' 'rounds 3'

# --- 5: steps through block requests --------------------------------------------------------------------------------

dd if=/dev/zero of="$T/disk" bs=512 count=8 2>/dev/null
ready --block:storage="$T/disk" "$(image debug_disk)"
client <<END
Z0,$begin,$kind
M$value,1:01
c
z0,$begin,$kind
steps 500 $pc $kind $end
c
END
expect "5: the instructions of ten block requests are steps, each one" '^OK' '^OK' "$(at "$begin" 0)" '^OK' \
	'^there, after 50 steps$' '^W07'
await 20
judge "5: and each request was served once" 7 'what was written was read'

# --- 11: what nobody serves -----------------------------------------------------------------------------------------

debug "$(image hostile_core)" 9
printf '%s\n' c c | client
expect "11: a guest that does what nobody serves can be looked at" '^T0b' '^X0b'
await 20
judge "11: and it ends so" 1 'Invalid guest .* access'
if [ $arch = x86_64 ]; then
	debug "$(image hostile_x86_64)" hole-jump
	printf '%s\n' c c | client
	expect "11: and one whose instruction there is not" '^T0[4b]' '^X0[4b]'
	await 20
	judge "11: and it ends so (no instruction)" 1
fi
finish
