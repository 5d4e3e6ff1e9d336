#!/bin/sh
# SPDX-License-Identifier: ISC
# test_gdb_itself.sh: guests under gdb, where there is one for them; the numbers are those of test_gdb.sh.
set -u

LIMIT=${LIMIT:-60}
# shellcheck source=tests/machine/lib.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib.sh"
# shellcheck source=tests/machine/lib_gdb.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib_gdb.sh"
need_guests
need_hypervisor
need_debugging
command -v gdb >/dev/null || skip_all "there is no gdb here"
[ "$(uname -m)" = "$arch" ] || skip_all "this gdb knows another processor than the guest's"

# Registers of husk's own, and where in the description others are; what gdb says of the first; what a function
# begins with.
case $arch in
aarch64) system=SCTLR_EL1 offsets=' VBAR_EL1 .* 836 ' more=' fpcr .* 784 ' is='SCTLR_EL1  *0x'
	first='probe>:.*stp' ;;
*) system=efer offsets=' cr3 .* 568 ' more=' mxcsr .* 532 ' is='efer  *0xd00'
	first='probe>:.*nop' ;;
esac

# with_gdb ARGS...: gdb's commands on standard input.
with_gdb() {
	cat >"$T/commands"
	# What was built elsewhere has its sources where the suites are.
	echo "directory ${SRC:-$(dirname "$0")/../..}/tests/guests" >"$T/first"
	debug "$@"
	timeout 240 gdb -nx -batch -iex 'set pagination off' -x "$T/first" -ex "target remote $place" -x "$T/commands" \
		"$(image debug)" >"$T/replies" 2>&1
}

# shows NAME PATTERN...
shows() {
	name=$1 reason=
	shift
	for pattern; do
		grep -q -- "$pattern" "$T/replies" || reason="${reason:+$reason; }nothing like $pattern"
	done
	[ -z "$reason" ] || sed 's/^/# /' "$T/replies"
	report "$name" "$reason"
}

with_gdb --dumpcore="$T" --trace="$T/trace" "$(image debug)" now <<END
maint print remote-registers
info registers $system
break probe
tbreak solo5_app_main
continue
set {long}&value = 1
continue
backtrace
stepi
up
info frame
down
finish
info locals
list
x/2i probe
compare-sections .text
monitor stats
monitor dump
monitor trace off
delete
set can-use-hw-watchpoints 0
watch {long}&rounds
continue
delete
continue
END
shows "2, 3, 4, 12: gdb finds its way" "$offsets" "$more" "$is" 'Temporary breakpoint 2, ' \
	'Breakpoint 1, ' 'solo5_app_main' '^before = ' '^[0-9]*	.*probe();' 'nop' 'matched' 'hypercalls puts' 'dumped [0-9]* pages' \
	'trace: off' 'atchpoint 3: {long}&rounds' '^New value = 2' 'exited with code 07'
report "3: a backtrace ends where the guest began" "$(
	grep -q '_start ()$' "$T/replies" || show "$T/replies"; grep '^#.*??' "$T/replies")"
await 20
judge "11: and its guest's status is husk's" 7
gdb -nx -batch -ex 'x/2i probe' "$(image debug)" "$T"/core.solo5-hvt.*.1 >"$T/replies" 2>&1
shows "23: a core that a debugger has asked for has no breakpoint in it" "$first"
report "12: the trace has paused" "$(tail -n 2 "$T/trace" | grep puts)"

# attached LINE...: gdb comes to a guest that hangs, and does this. What its user types comes as a signal: ^C.
attached() {
	timeout 240 gdb -nx -batch -iex 'set pagination off' -ex "target remote $place" -x "$T/commands" \
		"$(image debug_net)" >"$T/replies" 2>&1
}

# Where does it hang, and does it go on?
hangs
cat >"$T/commands" <<'END'
backtrace
shell (sleep 2; kill -INT $PPID) &
continue
backtrace
info registers pc
detach
END
attached
shows "8: gdb comes to a guest that hangs, and ^C stops it there again" '^#[0-9]* .*solo5_yield' '^#[0-9]* .*hang' \
	'^#[0-9]* .*solo5_app_main' 'received signal SIGINT' '^pc .*0x' 'etached\]'
report "8: where it was" "$([ "$(grep -c '^#[0-9]* .* hang ' "$T/replies")" = 2 ] || show "$T/replies")"
send_frame 60
report "8: and it goes on" "$(within 20 says 'frame 60' || show "$T/out"; grep 'without a frame' "$T/out")"
printf '%s\n' "shell (sleep 2; kill -TERM $started) &" continue >"$T/commands"
attached
await 20
judge "8: a signal ends it under gdb" 1 'Exiting on signal 15'
shows "8: which is told" 'terminated with signal SIGTERM'
exec 8<&-

# Breakpoints that are never met cost packets, and no exit.
run --mem=8 --stats -- "$(image hot)" count 2
plain=$(grep '^exits' "$T/err")
rm -f "$place"
start --mem=8 --stats --gdb="$place" -- "$(image hot)" count 2
within 20 is_there
for function in work ten twenty bottom lie writer waiter turner solo5_yield solo5_abort; do
	echo "break $function"
done >"$T/commands"
timeout 240 gdb -nx -batch -iex 'set pagination off' -ex "target remote $place" -x "$T/commands" \
	-ex continue "$(image hot)" >"$T/replies" 2>&1
await 20
shows "17: ten breakpoints" 'Breakpoint 10 at' 'exited normally'
packets=$(sed -n 's/^gdb packets //p' "$T/err")
report "17: take fewer than 50 packets" "$([ "${packets:-99}" -lt 50 ] || echo "${packets:-no} packets")"
report "17: and, never met, no exit" "$([ "$plain" = "$(grep '^exits' "$T/err" | sed 's/^exits interrupted .*/exits interrupted 0/')" ] ||
	grep '^exits' "$T/err" | tr '\n' ' ')"
finish
