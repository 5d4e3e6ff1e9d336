#!/bin/sh
# SPDX-License-Identifier: ISC
# test_gdb.sh: guests under a debugger: our own small one, and gdb where there is one.
set -u

LIMIT=${LIMIT:-60}
# shellcheck source=tests/machine/lib.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib.sh"
need_guests
need_hypervisor
[ "${BACKEND:-kvm}" = kvm ] || skip_all "there is no debugger for vmm yet"
RSP=${TOOLS:-$BUILD/obj/tests/machine}/rsp
place=$T/gdb

case ${ARCH:-$(uname -m)} in
aarch64 | arm64) kind=4 vector=25 pc=20 ;;
*) kind=1 vector=2b pc=10 ;;
esac

is_there() { [ -S "$place" ]; }
says() { grep -q "$1" "$T/out" "$T/err"; }
is_ready() { says READY; }

# debug ARGS...: husk waits for us at $place.
debug() {
	rm -f "$place"
	start --mem=8 --gdb="$place" "$@"
	within 10 is_there || echo "# no socket"
}

# client: the script is on standard input; what came back is in $T/replies.
client() {
	timeout 60 "$RSP" "$place" >"$T/replies" 2>&1
}

# expect NAME PATTERN...: line by line the replies are like the patterns.
expect() {
	name=$1 reason=
	shift
	exec 7<"$T/replies"
	for pattern; do
		IFS= read -r line <&7 || line="(no more)"
		printf '%s\n' "$line" | grep -q -- "$pattern" ||
			reason="${reason:+$reason; }$(printf '%.100s' "$line") is not like $pattern"
	done
	exec 7<&-
	report "$name" "$reason"
}

# Sets $probe and $value: where the guest said that they are.
read_places() {
	probe=$(sed -n 's/^probe=//p' "$T/out")
	value=$(sed -n 's/^value=//p' "$T/out")
	rounds=$(sed -n 's/^rounds=//p' "$T/out")
}

# debug_ready ARGS...: the guest has said where its parts are, runs, and nobody is connected.
debug_ready() {
	debug "$(image debug)" "$@"
	echo D | client
	within 20 is_ready || echo "# not ready"
	read_places
}

# Lines that go on from a breakpoint, as gdb does.
pass_by() {
	printf '%s\n' "z0,$probe,$kind" s "Z0,$probe,$kind" c
}

# --- 1: the beginning -----------------------------------------------------------------------------------------------

debug "$(image debug)" now
within 10 says 'Waiting for a debugger'
client <<END
qSupported:swbreak+;hwbreak+
?
m10000,8
mffffffffffffffff,10
m0,ffffffffffffffff
qXfer:features:read:target.xml:0,40
vMustReplyEmpty
qRcmd,68656c70
END
expect "1, 12: a debugger finds the guest before its first instruction, with boot info" \
	'^PacketSize=10000;.*QStartNoAckMode+.*vContSupported+' "^T05thread:1;$pc:" '^0000800000000000' \
	'^E14$' '^0' '^m<?xml' '^$' '737461'
started_kill
report "16: the socket is this user's alone" "$(find "$T" -name gdb -type s ! -perm 600)"

# --- 3, 4, 9: breakpoints, registers, memory ------------------------------------------------------------------------

debug_ready now
client <<END
?
m$probe,4
Z0,$probe,$kind
m$probe,4
X$value,1:$(printf '\001')
c
s
z0,$probe,$kind
p$vector
P$vector=000102030405060708090a0b0c0d0e0f
p$vector
G00
c
END
expect "3, 9: a breakpoint is hit and stepped off; memory and vectors are read and written" \
	'^T05' '.' '^OK' '.' '^OK' "^T05thread:1;$pc:" '^T05' '^OK' '^[0-9a-f]\{32\}$' '^OK' \
	'^000102030405060708090a0b0c0d0e0f$' '^E01' '^W07'
sed -n '2p;4p' "$T/replies" | uniq | wc -l >"$T/same"
read -r same <"$T/same"
report "4: whoever reads memory does not see a breakpoint in it" "$([ "$same" = 1 ] || cat "$T/replies")"
await 20
judge "11: a guest that ends with 7 is told as W07, and its status is husk's" 7 'text is the same' 'rounds 3'

# A guest that looks at its own text sees them.
debug_ready now
client <<END
Z0,$probe,$kind
M$value,1:01
c
$(pass_by)
s
c
s
c
END
expect "3: a breakpoint is hit each time" '^OK' '^OK' '^T05' '^OK' '^T05' '^OK' '^T05' \
	'^T05' '^T05' '^T05' '^W07'
await 20
judge "4: a guest that checks its own text finds a breakpoint there" 7 'text has changed' 'rounds 3'

# A hundred.
debug_ready now
{
	i=0
	while [ $i -lt 100 ]; do
		printf 'Z0,%x,%s\n' $((0x100000 + i * 64)) "$kind"
		i=$((i + 1))
	done
	i=0
	while [ $i -lt 100 ]; do
		printf 'z0,%x,%s\n' $((0x100000 + i * 64)) "$kind"
		i=$((i + 1))
	done
	echo "M$value,1:01"
	echo c
} | client
report "3: a hundred breakpoints come and go" "$(grep -v -e OK -e W07 "$T/replies" | head -n 3)"
await 20
judge "3: and leave nothing behind" 7 'text is the same'

# --- 5: steps -------------------------------------------------------------------------------------------------------

debug_ready now
{
	echo "Z0,$probe,$kind" && echo "M$value,1:01" && echo c && echo "z0,$probe,$kind"
	i=0
	while [ $i -lt 300 ]; do
		echo 'vCont;s:-1;c'
		i=$((i + 1))
	done
	echo c
} | client
report "5: 300 steps, through output, each stop at another instruction" "$(
	grep '^T05' "$T/replies" | sed "s/.*$pc:\([0-9a-f]*\);.*/\1/" | uniq -d | head -n 3
	[ "$(grep -c '^T05' "$T/replies")" = 301 ] || tail -n 1 "$T/replies")"
await 20
judge "5: and the guest's output is whole" 7 'text is the same' 'rounds 3 lock 0'

debug_ready atomic
client <<END
Z0,$probe,$kind
M$value,1:01
c
z0,$probe,$kind
c
END
await 20
judge "6: a guest with atomic operations ends as ever" 7 'rounds 3 lock 4'

# --- 8, 10, 11: interruptions, ends ---------------------------------------------------------------------------------

for how in spin yield; do
	debug_ready $how
	client <<END
!c
sleep 50
^C
.
M$value,1:01
c
END
	expect "8: ^C stops a guest that would ${how}" '^T02thread' '^OK' '^W07'
	await 20
	judge "8: and it goes on ($how)" 7 'rounds 3'
done

debug_ready yield
client <<END
Z0,$probe,$kind
!c
sleep 20
leave
END
client <<END
?
M$value,1:01
D
END
expect "10: a debugger that was killed has left; another one comes" '^T05' '^OK' '^OK'
await 20
judge "10: and the guest ends by itself, without breakpoints" 7 'text is the same' 'rounds 3'

debug "$(image debug)" now
echo vKill\;1 | client
expect "10: kill is answered" '^OK'
await 20
judge "10: and ends husk" 1 'Exiting on signal 15'

debug "$(image debug)" now
client <<END
!c
leave
END
kill -TERM "$started"
await 20
judge "10: a signal ends husk as ever" 1 'Exiting on signal 15'

for how in abort fault trap; do
	debug_ready $how
	client <<END
M$value,1:01
c
m$value,1
c
END
	case $how in
	abort) signal=06 last='^Wff' wanted=255 ;;
	fault) signal=0b last='^X0b' wanted=1 ;;
	trap) signal='0[56b]' last='^[XWT]' wanted=any ;;
	esac
	expect "11: a guest that ends by $how can be looked at" '^OK' "^T$signal" '^02$' "$last"
	await 20
	[ "$wanted" = any ] || judge "11: and it ends so ($how)" "$wanted"
done

# --- 7: the processor's own -------------------------------------------------------------------------------------------

debug_ready now
client <<END
Z1,$probe,$kind
Z2,$value,8
Z2,$value,1000
Z3,$value,0
z1,$probe,$kind
z2,$value,8
M$value,1:01
c
END
expect "7: points of the processor are taken as far as it has them" '^\(OK\|E28\|\)$' '^\(OK\|E28\|\)$' \
	'^\(E14\|\)$' '^\(E14\|\)$' '^OK\|^$' '^OK\|^$' '^OK' '^W07'
await 20

# --- 14: bad peers --------------------------------------------------------------------------------------------------

# One that sends and sends, and reads no answer, waits for husk as husk waits for it.
bad_client() {
	timeout 5 "$RSP" "$place" >"$T/replies" 2>&1
}

debug_ready yield
for script in 'soup 100000' '=$\nleave' '=$m0,4#00' '=$m0,' '=\x03\x03\x03\x03\x03' '=\x80$\xff\xfe#ff'; do
	printf '%s\n' "$script" | bad_client
done
{
	printf '=$'
	head -c 300000 /dev/zero | tr '\0' a
	echo
	echo 'leave'
} | bad_client
client <<END
M$value,4:01
M$value,ffffffff:01
MA
Z9,0,0
Z0,ffffffffffffffff,1
Z0,$probe
z0,
vCont;
vCont;x
vCont
P
Pff=0
pff
qXfer:features:read:target.xml:fffff,10
qXfer:features:read:nothing:0,10
qRcmd,zz
c123456789012345678
?
M$value,1:01
D
END
expect "14: nonsense is refused" '^E01' '^E01' '^E01' '^$' '^E14' '^E01' '^E01' '^E01' '^E01' '^E01' '^E01' \
	'^E01' '^E01' '^E01' '^$' '^E01' '^E01' '^T05' '^OK' '^OK'
await 20
judge "14: and the guest is unharmed" 7 'text is the same' 'rounds 3'

# --- 16: places -----------------------------------------------------------------------------------------------------

start --mem=8 --gdb --gdb-port=0 "$(image debug)" now
within 10 says 'target remote localhost:' || echo "# no port"
port=$(sed -n "s/.*target remote localhost:\([0-9]*\)'.*/\1/p" "$T/err")
place=$port
echo '?' | client
expect "16: a port of the host's own" '^T05'
started_kill
place=$T/gdb

run --gdb="$T/none/x" "$(image hello)"
judge "16: a place that cannot be is told" 1 '--gdb=.*No such file'
echo x >"$T/file"
run --gdb="$T/file" "$(image hello)"
judge "16: a file is not replaced" 1 '--gdb=.*in use'
run --gdb-port=70000 --gdb "$(image hello)"
judge "16: a port that is none is told as solo5-hvt tells it" 1 'Malformed argument to --gdb-port'
run --gdb-port=1234 "$(image hello)"
judge "16: a port alone asks for nothing" 1 'there is no --gdb'
run --gdb=,nowait --gdb-port=0 "$(image hello)" Hello_Solo5
judge "8: not to wait needs no place" 0 'A debugger may come'

start --mem=8 --gdb="$place",nowait "$(image debug)" now
within 20 is_ready
read_places
client <<END
?
M$value,1:01
c
END
expect "8: a debugger may come when it likes" '^T05' '^OK' '^W07'
await 20
judge "16: the socket is gone with husk" 7
report "16: really" "$(find "$T" -name gdb)"

# --- gdb itself -----------------------------------------------------------------------------------------------------

# with_gdb ARGS...: gdb's commands on standard input.
with_gdb() {
	cat >"$T/commands"
	debug "$@"
	timeout 60 gdb -nx -batch -iex 'set pagination off' -ex "target remote $place" -x "$T/commands" \
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

if command -v gdb >/dev/null && [ "$(uname -m)" = x86_64 ] && [ "${ARCH:-x86_64}" = x86_64 ]; then
	with_gdb "$(image debug)" now <<'END'
maint print remote-registers
info registers efer
break probe
set {long}&value = 1
continue
backtrace
stepi
finish
delete
x/2i probe
compare-sections .text
monitor stats
watch {long}&rounds
continue
END
	shows "2, 3, 4, 12: gdb finds its way" ' cr3 .* 568 ' ' mxcsr .* 532 ' 'efer  *0xd00' 'Breakpoint 1, ' \
		'solo5_app_main' 'nop' 'matched' 'hypercalls puts' 'exited with code 07'
	await 20
	judge "11: and its guest's status is husk's" 7

	# Breakpoints that are never met cost packets, and no exit.
	run --mem=8 --stats -- "$(image hot)" count 2
	plain=$(grep '^exits' "$T/err")
	rm -f "$place"
	start --mem=8 --stats --gdb="$place" -- "$(image hot)" count 2
	within 10 is_there
	for function in work ten twenty bottom lie writer waiter turner solo5_yield solo5_abort; do
		echo "break $function"
	done >"$T/commands"
	timeout 60 gdb -nx -batch -iex 'set pagination off' -ex "target remote $place" -x "$T/commands" \
		-ex continue "$(image hot)" >"$T/replies" 2>&1
	await 20
	shows "17: ten breakpoints" 'Breakpoint 10 at' 'exited normally'
	packets=$(sed -n 's/^gdb packets //p' "$T/err")
	report "17: take fewer than 50 packets" "$([ "${packets:-99}" -lt 50 ] || echo "$packets")"
	report "17: and, never met, no exit" "$([ "$plain" = "$(grep '^exits' "$T/err" | sed 's/^exits interrupted .*/exits interrupted 0/')" ] ||
		grep '^exits' "$T/err" | tr '\n' ' ')"
else
	skip "2, 3, 4, 12: gdb finds its way" "there is no gdb for this machine"
	skip "17: ten breakpoints" "likewise"
fi
finish
