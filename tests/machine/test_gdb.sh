#!/bin/sh
# SPDX-License-Identifier: ISC
# test_gdb.sh: guests under our own small debugger, and under hostile ones.
#
# What a debugger is to be tested for, and by what it is:
#
#  1 the beginning                             here
#  2 descriptions of registers                 unit/gdb/test_target_x86_64, test_target_aarch64; machine/test_gdb_itself
#  3 breakpoints: hit, a hundred of them       here
#    at the ends of text, in rodata            machine/test_gdb_more
#    backtrace, finish, up, locals             machine/test_gdb_itself
#  4 text reads as it was; who checks his own  here; machine/test_gdb_itself
#    sees them
#    a guest's own int3, brk, hlt              here: in_front, behind, trap, halt; unit/gdb/test_module_gdb
#  5 steps through output, to the end          here; through block requests machine/test_gdb_more
#  6 steps over odd instructions               here
#  7 the processor's own points                here, where KVM has them; unit/gdb/test_session
#  8 ^C in a loop, in waits, in output         here; gdb in a wait without an end machine/test_gdb_itself; with frames
#                                               on their way machine/test_gdb_frames
#  9 registers are written                     here
# 10 leaving, coming again, killing            here
# 11 how guests end                            here; what nobody serves machine/test_gdb_more
# 12 commands of the monitor                   here; machine/test_gdb_itself
# 13 W^X                                       here: fault
# 14 bad debuggers, two at once                here; unit/gdb/test_packet, test_module_gdb, tests/fuzz/fuzz_gdb.c
# 15 gdb 13                                    machine/test_gdb_itself; others by hand, docs/debugging.md
# 16 confined; the place                       all of these suites; here
# 17 what it costs                             machine/test_gdb_itself
# 18 to 23 core files                          machine/test_dumpcore
# 24 to 26 profiles                            machine/test_profile; names of OCaml machine/test_names
# 27 traces                                    machine/test_trace
# 28, 29 SIGUSR1, SIGQUIT                      machine/test_look
set -u

LIMIT=${LIMIT:-60}
# shellcheck source=tests/machine/lib.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib.sh"
# shellcheck source=tests/machine/lib_gdb.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib_gdb.sh"
need_guests
need_hypervisor
if [ "${BACKEND:-kvm}" != kvm ]; then
	run --gdb="$T/gdb" "$(image hello)"
	judge "a backend that cannot stop a guest is refused by name" 1 '--gdb: vmm cannot stop a guest'
	report "and no socket is left" "$(find "$T" -name gdb)"
	finish
fi

# --- 1: the beginning -----------------------------------------------------------------------------------------------

# On aarch64 the monitor's own code, which turns the MMU on, comes first, and leaves a trace in x16.
entry=$(od -A n -t x1 -j 24 -N 8 "$(image debug)" | tr -d ' \n')	# ELF: e_entry
if [ $arch = x86_64 ]; then
	begin=$entry
	first=$(printf '%080d%s%016d%s%0128d%s02000000' 0 0000010000000000 0 f8ff7f0000000000 0 "$entry")
else
	begin=00e00f0000000000
	first=$(printf '%s%0240d%s%0224d%s' 0000010000000000 0 "$entry" 0 f0ff7f0000000000)
fi
debug "$(image debug)" now
within 20 says 'Waiting for a debugger'
report "1: the command that is told names the image" "$(
	grep -q "gdb -ex 'target remote $place' [^ ]*debug[.]hvt$" "$T/err" || show "$T/err")"
client <<END
qSupported:swbreak+;hwbreak+
?
Z0,$(echo "$entry" | turn),$kind
c
z0,$(echo "$entry" | turn),$kind
g
m10000,8
mffffffffffffffff,10
m0,ffffffffffffffff
qXfer:features:read:target.xml:0,40
vMustReplyEmpty
qRcmd,68656c70
qRcmd,64756d70
qRcmd,7472616365206f6666
qRcmd,6e6f6e73656e7365
END
expect "1, 12: a debugger finds the guest before its first instruction, with boot info" \
	'^PacketSize=10000;.*QStartNoAckMode+.*vContSupported+' "^T05thread:1;$pc:$begin" '^OK' \
	"^T05thread:1;swbreak:;$pc:$entry" '^OK' '^0' \
	'^0000800000000000' '^E14$' '^0' '^m<?xml' '^$' '737461' '2d2d64756d70636f72653d444952' \
	'2d2d74726163653d46494c45' '^6e6f207375636820636f6d6d616e64'
quit
told=$(sed -n '/^OK$/{n;/^[0-9a-f]*$/{p;q;};}' "$T/replies" | cut -c "1-${#first}")
report "1: its registers are those of the contract" "$([ "$told" = "$first" ] || echo "it tells: $told")"
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
report "4: whoever reads memory does not see a breakpoint in it" "$([ "$same" = 1 ] || show "$T/replies")"
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

# --- 4: a guest's own breakpoints -----------------------------------------------------------------------------------

# soft PLACE N, own PLACE N: a stop at a breakpoint of ours there, or at one of the guest's.
soft() {
	echo "^T05thread:1;swbreak:;$pc:$(told $((0x$1 + $2)));"
}

own() {
	echo "^T05thread:1;$pc:$(told $((0x$1 + $2)));"
}

# in_front: one of ours in front of the guest's own, one upon it, steps onto it and over it.
in_front() {
	client <<-END
		qSupported:swbreak+;hwbreak+
		Z0,$from,$kind
		M$value,1:01
		c
		z0,$from,$kind
		s
		Z0,$at,$kind
		c
		s
		z0,$at,$kind
		c
		c
	END
}

# behind: one of ours upon the guest's own and one behind it, where the guest is taken to by hand.
behind() {
	client <<-END
		qSupported:swbreak+;hwbreak+
		Z0,$at,$kind
		Z0,$past,$kind
		M$value,1:01
		c
		P$pc=$(told "0x$past")
		c
		z0,$past,$kind
		s
		c
	END
}

# What a processor has for breakpoints is an exception of the guest's on x86_64, where KVM knows it at all; all else stops
# it for us, and lets it have what it would have had when it goes on.
for how in halt other; do
	debug_ready $how
	[ $how = halt ] && from=$own || from=$other
	at=$(printf %x $((0x$from + kind))) past=$(printf %x $((0x$from + 2 * kind)))
	over=$(own "$from" $kind) signal=06 end=Wff wanted=255
	case $arch-$how in
	x86_64-halt) signal=0b end=X0b wanted=1 ;;
	x86_64-other) over='^T05' ;;
	esac
	if [ "$arch-$how" = x86_64-other ] && lacks_instructions; then
		over='^T04' signal='' end=X04 wanted=1
	fi
	in_front
	# shellcheck disable=SC2086 # no word where the guest has ended already
	expect "4: breakpoints in front of the guest's own and upon it, and steps over it ($how)" '^Packet' '^OK' '^OK' \
		"$(soft "$from" 0)" '^OK' "$(own "$from" $kind)" '^OK' "$(soft "$from" $kind)" \
		"$over" '^OK' ${signal:+^T$signal} "^$end"
	await 20
	judge "4: and it ends by its own ($how)" $wanted
	[ $arch-$how != aarch64-halt ] ||
		report "4: whose number is that of its instruction" "$(grep -q 'esr=0xf2000000 ' "$T/out" || show "$T/out")"
	debug_ready $how
	behind
	expect "4: breakpoints upon the guest's own and behind it ($how)" '^Packet' '^OK' '^OK' '^OK' \
		"$(soft "$from" $kind)" '^OK' "$(soft "$from" $((2 * kind)))" '^OK' "$(own "$from" $((3 * kind)))" '^W07'
	await 20
	judge "4: and it goes on behind it ($how)" 7 'rounds 3'
done

# --- 5, 6, 9: steps, registers --------------------------------------------------------------------------------------

[ $arch = x86_64 ] && many=500 || many=100
debug_ready --solo5:quiet now
client <<END
Z0,$probe,$kind
M$value,1:01
c
z0,$probe,$kind
steps $many $pc $kind
Z0,$exit,$kind
c
z0,$exit,$kind
steps 3000 $pc $kind
END
expect "5: $many steps, through output, each by one instruction; that over the last hypercall is the end" \
	'^OK' '^OK' '^T05' '^OK' '^all, some were certain' '^OK' "$(at "$exit" 0)" '^OK' '^W07,'
await 20
judge "5: and the guest's output is whole" 7 'text is the same' 'rounds 3 lock 0'

# What is stepped over; aarch64: the load-exclusive is taken to behind its store, which may fail once.
debug_ready odd
{
	echo "Z0,$steps,$kind" && echo "M$value,1:01" && echo c && echo "z0,$steps,$kind"
	if [ $arch = x86_64 ]; then
		printf '%s\n' s s s s s s s s s
	else
		printf '%s\n' s s s "Z0,$(printf %x $((0x$steps + 28))),4" c s s s s s
	fi
	cat <<-END
		Z0,$registers,$kind
		c
		z0,$registers,$kind
		P0=efcdab8967452301
		P$vector=000102030405060708090a0b0c0d0e0f
		P$flags=$carry
		P$pc=$(told $((0x$registers + kind)))
		c
	END
} | client
if [ $arch = x86_64 ]; then
	# Real processors hold the exception off for the instruction behind the one that loads ss.
	expect "6: steps over pushf, popf, mov ss, rdtsc and cpuid" '^OK' '^OK' "$(at "$steps" 0)" '^OK' \
		"$(at "$steps" 1)" "$(at "$steps" 2)" "$(at "$steps" 4)" "$(at "$steps" 5)" "$(at "$steps" 7)" \
		'^T05' '^T05' '^T05' '^T05'
else
	expect "6: steps over flags, exclusives, branches and eret" '^OK' '^OK' "$(at "$steps" 0)" '^OK' \
		"$(at "$steps" 4)" "$(at "$steps" 8)" "$(at "$steps" 24)" '^OK' "$(at "$steps" 28)" \
		"$(at "$steps" 32)" "$(at "$steps" 36)" "$(at "$steps" 40)" "$(at "$steps" 44)" "$(at "$steps" 52)"
fi
tail -n 8 "$T/replies" >"$T/last" && mv "$T/last" "$T/replies"
expect "9: registers are written" '^OK' "$(at "$registers" 0)" '^OK' '^OK' '^OK' '^OK' '^OK' '^W07'
await 20
judge "9: and the guest finds in them what was written" 7 \
	'general 81985529216486895 vector 506097522914230528 carry 1' 'rounds 3 lock 4'

# An exception of the guest's own: the step ends in its handler, which ends it.
debug_ready exception
client <<END
Z0,$break,$kind
M$value,1:01
c
z0,$break,$kind
s
c
c
END
expect "6: a step over an exception ends in the handler" '^OK' '^OK' "$(at "$break" 0)" '^OK' '^T05' '^T06' '^Wff'
report "6: and not behind it" "$(sed -n 5p "$T/replies" | grep -e "$(at "$break" 0)" -e "$(at "$break" $kind)")"
await 20
judge "6: it is told as ever" 255

# --- 8, 10, 11: interruptions, ends ---------------------------------------------------------------------------------

for how in spin yield $([ $arch = aarch64 ] || echo print); do
	ready --stats "$(image debug)" $how
	client <<END
!c
sleep 50
^C
.
took
M$value,1:01
c
END
	echo "# ^C stopped a guest that would $how after $(sed -n 2p "$T/replies")"
	expect "8: ^C stops a guest that would ${how}" '^T02thread' ' ms$' '^OK' '^W07'
	await 20
	judge "8: and it goes on ($how)" 7 'rounds 3'
	# Two debuggers came, and one of them asked: that is what the guest was interrupted for, and little else.
	interrupted=$(sed -n 's/^exits interrupted //p' "$T/err")
	report "8: at the next exit, which is made at once ($how)" "$([ "${interrupted:-99}" -le 20 ] || echo "${interrupted:-no} interruptions")"
done

# The guest does not come back from its call by itself: not for a debugger that comes, nor for one that leaves.
hangs
client <<END
?
!c
sleep 50
^C
.
took
c123
!c
sleep 20
^C
.
D
END
echo "# ^C stopped a guest that hangs after $(sed -n 3p "$T/replies")"
expect "8: ^C stops a guest that hangs, and it goes on, and stops again" '^T05' '^T02thread' ' ms$' '^E01' '^T02thread' '^OK'
send_frame 60
report "8: its wait goes on until a frame comes" "$(within 20 says 'frame 60' || show "$T/out")"
client <<END
M$value,1:01
!c
sleep 20
D
END
send_frame 61
await 20
judge "8: and the guest ends by itself" 7 'frame 61'
report "8: no wait has ended without one" "$(grep 'without a frame' "$T/out")"
for how in stopped running; do
	hangs
	{
		echo '?'
		[ $how = stopped ] || echo '!c'
		echo .
	} | timeout 60 "$RSP" "$place" >"$T/replies" 2>&1 &
	peer=$!
	within 20 grep -q '^T05' "$T/replies" || echo "# no reply"
	kill -TERM "$started"
	await 20
	judge "8: a signal ends a guest that hangs, which a debugger has $how" 1 'Exiting on signal 15'
	wait $peer
	expect "8: and the debugger is told ($how)" '^T05' '^X0f'
done
exec 8<&-

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

for how in abort fault trap halt; do
	debug_ready $how
	client <<END
Z0,$exit,$kind
z0,$exit,$kind
M$value,1:01
c
m$value,1
c
END
	case $how in
	abort) signal=06 last='^Wff' wanted=255 ;;
	fault) signal=0b last='^X0b' wanted=1 ;;
	halt) signal=05 last='^T0[6b]' wanted=any ;;
	trap) [ $arch = aarch64 ] && signal=05 last='^T06' || signal='0[46]' last='^[XW]'
		wanted=any ;;
	esac
	expect "11, 13: a guest that ends by $how can be looked at" '^OK' '^OK' '^OK' "^T$signal" '^02$' "$last"
	await 20
	[ "$wanted" = any ] || judge "11: and it ends so ($how)" "$wanted"
done

if [ $arch = x86_64 ]; then
	debug "$(image hostile_x86_64)" triple-fault
	printf '%s\n' c c | client
	expect "11: a guest that ends by a triple fault can be looked at" '^T0b' '^X0b'
	await 20
	judge "11: and it ends so (triple fault)" 1 'triple fault'
fi

# --- 7: the processor's own -----------------------------------------------------------------------------------------

# Where KVM never hits them husk has found that out and says so, and there are none: what there is is hit.
debug_ready now
points=OK watches=OK
if says 'never hits breakpoints'; then points=; fi
if says 'never hits watchpoints'; then watches=; fi
{
	for change in Z1 z1; do
		i=0
		while [ $i -lt 20 ]; do
			printf '%s,%x,%s\n' $change $((0x100000 + i * 64)) "$kind"
			i=$((i + 1))
		done
	done
} | client
report "7: there are as many as the processor has, and the next is refused" "$(
	uniq "$T/replies" | tr '\n' ' ' | grep -v "^${points:+OK E28 }$points \$")"
if [ -n "$points" ]; then
	client <<-END
		qSupported:swbreak+;hwbreak+
		Z1,$probe,$kind
		M$value,1:01
		c
		z1,$probe,$kind
		s
		c
	END
	expect "7: a breakpoint of the processor's is hit and stepped off" '^Packet' '^OK' '^OK' \
		"^T05thread:1;hwbreak:;$pc:$(told "0x$probe")" '^OK' "$(at "$probe" $kind)" '^W07'
else
	echo "M$value,1:01" | client
	skip "7: a breakpoint of the processor's is hit and stepped off" "KVM never hits one here, as husk says"
fi
await 20
judge "4: and a guest that checks its own text finds nothing of it" 7 'text is the same' 'rounds 3'

# A watchpoint stops in front of the access on aarch64, where it is stepped over, and behind it on x86_64.
debug_ready now
[ $arch = x86_64 ] && over='' || over=s
{
	cat <<-END
		qSupported:swbreak+;hwbreak+
		Z2,$value,1000
		Z3,$value,0
		Z2,$value,8
		z2,$value,8
		M$value,1:01
	END
	[ -z "$watches" ] || cat <<-END
		Z3,$rounds,4
		c
		z3,$rounds,4
		$over
		Z4,$(printf %x $((0x$rounds + 2))),2
		c
		z4,$(printf %x $((0x$rounds + 2))),2
		$over
		Z2,$rounds,1
		Z2,$value,8
		c
		z2,$rounds,1
		$over
		c
		z2,$value,8
		$over
	END
	echo c
} | client
if [ -n "$watches" ]; then
	stepped=${over:+^T05}
	# shellcheck disable=SC2086 # no word where there is no step
	expect "7: watchpoints of every size and kind are hit, two at once" '^Packet' '^E14' '^E14' '^OK' '^OK' '^OK' \
		'^OK' "^T05thread:1;rwatch:$rounds;" '^OK' $stepped '^OK' "^T05thread:1;awatch:${rounds%?}" '^OK' $stepped \
		'^OK' '^OK' "^T05thread:1;watch:$rounds;" '^OK' $stepped "^T05thread:1;watch:$value;" '^OK' $stepped '^W07'
else
	expect "7: watchpoints that are never hit are refused" '^Packet' '^$' '^$' '^$' '^$' '^OK' '^W07'
fi
await 20
judge "7: and the guest goes on" 7 'text is the same' 'rounds 3'

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
	head -c 1048576 /dev/zero | tr '\0' a
	echo
	echo 'leave'
} | bad_client
# What comes of one more, which asks for the reason of the stop.
another() {
	echo '?' | client && cat "$T/replies"
}

# A second one is told at once that there is no place for it, whatever the guest does; and the first does not notice.
mkfifo "$T/script"
timeout 60 "$RSP" "$place" <"$T/script" >"$T/first" 2>&1 &
peer=$!
exec 9>"$T/script"
echo '?' >&9
within 20 grep -q '^T05' "$T/first" || echo "# the first has no answer"
another >"$T/others"
expect "14: a debugger that comes beside another is turned away" '^gone'
echo '!c' >&9
{
	another && another && another
} >"$T/others"
report "14: while the guest runs, too" "$(grep -v '^gone' "$T/others"; [ "$(wc -l <"$T/others")" = 3 ] || show "$T/others")"
printf '%s\n' ^C . D >&9
exec 9>&-
wait $peer
mv "$T/first" "$T/replies"
expect "14: and the first has not noticed" '^T05' '^T02' '^OK' '(no more)'
report "14: of them all one line is said" "$([ "$(grep -c 'another debugger was turned away' "$T/err")" = 1 ] || show "$T/err")"

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

# As those who had Solo5's program for debugging call it.
ln -s "$(command -v "$HUSK")" "$T/solo5-hvt-debug"
HUSK=$T/solo5-hvt-debug
start --mem=8 --gdb --gdb-port=0 "$(image debug)" now
HUSK=$tested
within 20 says 'target remote localhost:' || echo "# no port"
port=$(sed -n "s/.*target remote localhost:\([0-9]*\)'.*/\1/p" "$T/err")
place=$port
echo '?' | client
expect "16: a port of the host's own" '^T05'
report "16: told as Solo5 tells it" "$(grep -q '^solo5-hvt-debug: Waiting for a debugger. Connect to it like this:$' "$T/err" || show "$T/err")"
report "16: of 127.0.0.1 alone" "$(grep -i ":$(printf %04x "$port") 00000000:0000 0A" /proc/net/tcp* | grep -v ' 0100007F:')"
quit
place=$T/gdb

run --gdb="$T/none/x" "$(image hello)"
judge "16: a place that cannot be is told" 1 '--gdb=.*No such file.*: make its directory first'
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
finish
