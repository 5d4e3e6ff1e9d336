#!/bin/sh
# SPDX-License-Identifier: ISC
# test_sandbox.sh: a running husk is confined, in every thread, and lives with what confines it.
#
# What a sandbox is to be tested for, and by what it is, on x86_64 and aarch64:
#
#  1 what rules allow is allowed              unit/test_sandbox_kernel_kvm: by the kernel itself
#  2 no argument next to a checked one is     the same: each bit of each, one at a time
#  3 no other number is                       the same
#  4 no call of x32 or another architecture   x32 the same, others unit/test_sandbox_kvm
#  5 no other ioctl                           the same as 1; machine/test_rehearsal
#  6 holes that are missed fail the build     monitor/sandbox/generate.c, unit/test_sandbox_kvm
#  7 an interpreter of our own agrees         the build, unit/test_sandbox_kvm
#  8 every thread is confined                 here: confined, with_a_thread
#  9 every suite passes confined              lib.sh: tell_confinement; machine/test_unconfined
# 10 attacks from a guest that owns husk      machine/test_rehearsal
# 11 ways back: a tap made anew, errors of    machine/test_net, test_block, test_output, test_moments
#    disks, a full console, SIGSTOP
# 12 a thread that is not the guest's         machine/test_rehearsal; here: with_a_thread
# 13 the line, and --sandbox=kill             machine/test_rehearsal
# 14 no landlock, too many layers of it       here: foreign_filters
# 15 landlock alone                           machine/test_rehearsal
# 16 a core file of the guest                 machine/test_dumpcore
# 17 under filters of the starter's           here: foreign_filters, profiles, each_call_is_missed
# 18 no seccomp                               here: foreign_filters
# 19 --user                                   here: user_options; machine/test_net: privileges
# 20 inherited descriptors                    here: confined
# 21 the program's segments and stack         unit/test_build
#    nothing is opened beside a guest         unit/test_runtime
# 22 calls up to the first run                bench/test_counts
# 23 fuzzed hypercalls under the filter       unit/test_fuzz_confined_kvm
#    hostile ones, confined                   machine/test_hostile, test_ring
# 24 FreeBSD                                  freebsd/test_sandbox; unit/test_hv_vmm on the stand-in
set -u

# shellcheck source=tests/machine/lib.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib.sh"
need_guests
need_hypervisor
[ -r /proc/self/status ] || skip_all "no /proc"
expects_sandbox || skip_all "this husk has no sandbox"
FILTERED=$BUILD/obj/tests/machine/filtered	# runs a command under a system call filter
OWNED=$BUILD/obj/tests/machine/husk-owned	# has a guest's wish for a thread
[ -x "$FILTERED" ] || skip_all "the host's side is not built: $FILTERED"
[ "${ARCH-$(uname -m)}" = aarch64 ] && write_nr=64 || write_nr=1

hello=$(image hello)
calls=$("$HUSK" --version | sed -n 's/^sandbox: seccomp (\([0-9]*\) .*/\1/p')

# Whether the host has it, for this process.
has() {
	"$HUSK" --check | grep -q "^ok   sandbox: $1"
}

# --- what a running husk has left -------------------------------------------------------------------------------------

# sleeping OPTION...: a guest that sleeps.
sleeping() {
	start "$@" --mem=2 -- "$(image spin)" sleep
	within 20 grep -q READY "$T/out"
}

# field NAME: of every thread that is husk's own, one value a line; the kernel's workers have none.
field() {
	cat /proc/"$started"/task/*/status 2>/dev/null | sed -n "s/^$1:[[:space:]]*//p" | sort -u
}

# field_is NAME VALUE
field_is() {
	value=$(field "$1" | tr '\n' ' ')
	report "$1 of every thread is $2" "$([ "$value" = "$2 " ] || echo "it is $value")"
}

no_descriptor_left() {
	left=
	for fd in 3 4 5 6 7 8 9; do
		[ "$(readlink "/proc/$started/fd/$fd")" != "$T/secret" ] || left="$left $fd"
	done
	report "descriptors that no option names are closed" "${left:+open:$left}"
}

confined() {
	echo secret >"$T/secret"
	exec 3<"$T/secret" 7<"$T/secret" 9>>"$T/secret"
	sleeping
	field_is Seccomp 2
	field_is NoNewPrivs 1
	field_is CapEff 0000000000000000
	field_is CapPrm 0000000000000000
	no_descriptor_left
	exec 3<&- 7<&- 9>&-
	kill -STOP "$started"
	sleep 0.1
	kill -CONT "$started"
	kill -TERM "$started"
	await 20
	judge "SIGSTOP, SIGCONT and SIGTERM" 1 'Exiting on signal 15'
	report "and no call was refused" "$(grep refused "$T/err")"
}

# Linux ends a process without a word where the signal of the line about a refused call is blocked. KVM's own
# workers, which have other names, block all that can be.
blocks_sigsys() {
	name=$(sed -n 's/^Name://p' "/proc/$started/status")
	for thread in /proc/"$started"/task/*/status; do
		mask=$(sed -n 's/^SigBlk:[[:space:]]*//p' "$thread")
		[ "$(sed -n 's/^Name://p' "$thread")" != "$name" ] || [ $((0x${mask#????????} & 0x40000000)) -eq 0 ] ||
			echo "a thread has the mask $mask"
	done
}

own_threads() {
	cat /proc/"$started"/task/*/status | grep -c -x "$(grep '^Name:' "/proc/$started/status")"
}

with_a_thread() {
	if ! "$HUSK" --version | grep -q '^modules:.* vsock'; then
		skip "the thread of a device" "this husk has no socket devices"
		return
	fi
	start --mem=128 "--vsock:service0=listen=80:$T/echo" -- "$(image vsock_echo)" --solo5:quiet
	within 20 grep -q READY "$T/out"
	report "a device has a thread of its own" "$([ "$(own_threads)" -ge 2 ] || echo "there is one thread")"
	field_is Seccomp 2
	field_is NoNewPrivs 1
	field_is CapEff 0000000000000000
	report "no thread blocks SIGSYS" "$(blocks_sigsys)"
	kill -TERM "$started"
	await 20
	judge "and all end" 1 'Exiting on signal 15'
}

unconfined() {
	sleeping --sandbox=off
	field_is Seccomp "$(sed -n 's/^Seccomp:[[:space:]]*//p' /proc/self/status)"
	kill -TERM "$started"
	await 20
	judge "a husk that is not confined ends too" 1 'Exiting on signal 15'
}

# --- options ----------------------------------------------------------------------------------------------------------

options() {
	run --mem=2 --sandbox=nonesuch "$hello"
	judge "another word" 1 'none of on, require, kill, off'
	run --mem=2 --sandbox=require --stats "$hello" Hello_Solo5
	if has seccomp && has landlock; then
		judge "--sandbox=require where the host has everything" 0 '^sandbox seccomp 1' '^sandbox landlock [1-9]' \
			'^sandbox no_privileges 1'
	else
		judge "--sandbox=require where the host lacks a part" 1 'sandbox: '
	fi
	run --mem=2 --sandbox=off --stats "$hello" Hello_Solo5
	judge "--sandbox=off" 0
	report "has no figures" "$(grep '^sandbox' "$T/err")"
	run --mem=2 --sandbox=off --user=1234 "$hello"
	judge "--user without a sandbox" 1 '--user is a part of the sandbox'
	run --mem=2 --sandbox=kill "$hello" Hello_Solo5
	judge "--sandbox=kill" 0 SUCCESS
	run --mem=2 --sandbox=on --dry-run "$hello"
	judge "--dry-run" 0
	report "the filter allows few calls" "$([ "$calls" -le 60 ] || echo "it allows $calls")"
	run --check --sandbox=require
	judge "--check tells" "$(has seccomp && has landlock && echo 0 || echo 1)" 'sandbox: '
}

user_options() {
	for word in root 1000:users -1 1000: 4294967295 :7 99999999999999999999999999; do
		run --mem=2 --user="$word" "$hello"
		judge "--user=$word" 1 '--user'
	done
	if [ "$(id -u)" -ne 0 ]; then
		run --mem=2 --user=1234 "$hello" Hello_Solo5
		judge "--user without being root" 1 'changing to user 1234'
		return
	fi
	start_with="$BUILD/obj/tests/machine/inherit group=4 --"
	sleeping --user=1234:5678
	start_with=
	field_is Uid "1234	1234	1234	1234"
	field_is Gid "5678	5678	5678	5678"
	report "no other groups" "$(field Groups | tr -d ' ')"
	kill -TERM "$started"
	await 20
	judge "a guest of another user ends too" 1 'Exiting on signal 15'
}

# --- under the filter of whoever starts husk --------------------------------------------------------------------------

# under WORD...: runs hello under a filter; filtered.c knows the words.
under() {
	timeout -s KILL "$LIMIT" "$FILTERED" "$@" -- "$HUSK" --mem=2 "$hello" Hello_Solo5 >"$T/out" 2>"$T/err" </dev/null
	status=$?
}

foreign_filters() {
	for call in close_range landlock_create_ruleset landlock_restrict_self seccomp prctl capset; do
		for how in trap eperm enosys; do
			under "$how" "$call"
			judge "$call refused by the starter's filter, $how" 0 SUCCESS
		done
	done
	for call in close_range capset; do
		under kill "$call"
		judge "$call ends who makes it, so it is not made" 0 SUCCESS
	done
	under enosys close_range
	judge "descriptors that stay open are told of" 0 'husk: sandbox: other descriptors stay open (close_range)'
	timeout -s KILL "$LIMIT" "$FILTERED" enosys close_range -- "$HUSK" --mem=2 --sandbox=require "$hello" \
		>"$T/out" 2>"$T/err" </dev/null
	status=$?
	judge "--sandbox=require wants them closed" 1 'sandbox: other descriptors stay open (close_range)'
	timeout -s KILL "$LIMIT" "$FILTERED" enosys close_range -- "$HUSK" --check >"$T/out" 2>"$T/err" </dev/null
	report "--check says so before" "$(grep -q '^note sandbox: other descriptors stay open' "$T/out" || show "$T/out")"
	under e2big landlock_restrict_self
	judge "landlock has as many layers as it can" 0 SUCCESS
	timeout -s KILL "$LIMIT" "$FILTERED" e2big landlock_restrict_self -- "$HUSK" --mem=2 --sandbox=require "$hello" \
		>"$T/out" 2>"$T/err" </dev/null
	status=$?
	judge "which --sandbox=require makes a failure too" 1 'sandbox: files are not closed (landlock)'
	for call in openat ioctl eventfd2 rt_sigprocmask pread64 madvise mmap; do
		under trap "$call"
		judge "$call, which is needed" 1 "^husk: system call [0-9]* ($call) is forbidden by a filter"
	done
	under enosys seccomp
	report "without seccomp prctl does" "$(grep 'not filtered' "$T/err")"
	without="$FILTERED enosys seccomp -- $FILTERED enosys prctl --"
	# shellcheck disable=SC2086 # words
	timeout -s KILL "$LIMIT" $without "$HUSK" --mem=2 "$hello" Hello_Solo5 >"$T/out" 2>"$T/err" </dev/null
	status=$?
	judge "without both a notice is given" 0 'sandbox: system calls are not filtered'
	# shellcheck disable=SC2086 # words
	timeout -s KILL "$LIMIT" $without "$HUSK" --mem=2 --sandbox=require "$hello" >"$T/out" 2>"$T/err" </dev/null
	status=$?
	judge "which --sandbox=require makes a failure" 1 'sandbox: '
}

# profile HOW NAME SECCOMP LANDLOCK: under a list of those in tests/machine/filters/; what is in force then.
profile() {
	how=$1 list=$SRC/tests/machine/filters/$2
	shift
	timeout -s KILL "$LIMIT" "$FILTERED" "$how" "$list" -- "$HUSK" --mem=2 --stats "$hello" Hello_Solo5 \
		>"$T/out" 2>"$T/err" </dev/null
	status=$?
	judge "under the list $1, $how" 0 SUCCESS "^sandbox seccomp $2" "^sandbox landlock $3" '^sandbox no_privileges 1'
	report "and nothing is said" "$(grep '^husk:' "$T/err")"
	# With a thread, and a disk.
	timeout -s KILL "$LIMIT" "$FILTERED" "$how" "$list" -- "$OWNED" --mem=2 -- "$(image owner)" --solo5:quiet \
		thread "$write_nr" 99 :x 1 >"$T/out" 2>"$T/err" </dev/null
	status=$?
	judge "with a thread under the list $1, $how" 0 '^returned -9$'
	dd if=/dev/zero of="$T/disk" bs=512 count=8 2>/dev/null
	timeout -s KILL "$LIMIT" "$FILTERED" "$how" "$list" -- "$HUSK" --mem=2 "--block:storage=$T/disk" \
		"$(image blk)" >"$T/out" 2>"$T/err" </dev/null
	status=$?
	judge "with a disk under the list $1, $how" 0 SUCCESS
}

# Docker's takes nothing away; systemd's has neither landlock nor seccomp(2), for which prctl(2) does, and ends
# who makes another call unless a unit says otherwise.
profiles() {
	run --mem=2 --stats "$hello" Hello_Solo5
	seccomp=$(sed -n 's/^sandbox seccomp //p' "$T/err") landlock=$(sed -n 's/^sandbox landlock //p' "$T/err")
	profile eperm docker "$seccomp" "$landlock"
	profile eperm systemd "$seccomp" 0
	profile kill systemd "$seccomp" 0
	timeout -s KILL "$LIMIT" "$FILTERED" kill "$SRC/tests/machine/filters/systemd" -- "$HUSK" --check \
		>"$T/out" 2>"$T/err" </dev/null
	status=$?
	judge "--check under it tells" 0 '^note sandbox: files are not closed (landlock)'
}

# Calls without which nothing can be said, or nobody be heard.
is_vital() {
	case $1 in write | rt_sigaction | exit_group) return 0 ;; esac
	return 1
}

# one_less HOW CALL EARLY: a list of the calls that husk makes, but for one. It runs; or a line names the call,
# or the failure that comes of it. Before main, where the C library starts, there is no line.
one_less() {
	timeout -s KILL "$LIMIT" "$FILTERED" "$1" "$T/calls" "$2" -- "$HUSK" --mem=2 "$hello" Hello_Solo5 \
		>"$T/out" 2>"$T/err" </dev/null
	status=$?
	lines=$(grep -c '^husk:' "$T/err")
	case $1-$status in
	*-0) printed SUCCESS && [ "$lines" -le 1 ] && return ;;
	trap-1) [ "$lines" -eq 1 ] && grep -q "^husk: system call [0-9]* ($2) is forbidden by a filter" "$T/err" &&
		return ;;
	e*-1) [ "$lines" -ge 1 ] && return ;;
	trap-159) if [ -n "$3" ] || is_vital "$2"; then return; fi ;;
	esac
	[ "$status" -ne 137 ] && [ "$1" != trap ] && { [ -n "$3" ] || is_vital "$2"; } && return
	bad="$bad; $1 $2: exit status $status, $(head -n 1 "$T/err")"
}

each_call_is_missed() {
	"$FILTERED" calls -- "$HUSK" --mem=2 "$hello" Hello_Solo5 2>"$T/err" >"$T/list" </dev/null
	sed 's/^early //' "$T/list" | grep -v unknown >"$T/calls"
	echo rt_sigreturn >>"$T/calls"
	n=$(wc -l <"$T/calls")
	report "husk makes few calls" "$([ "$n" -gt 20 ] && [ "$n" -le 60 ] || echo "it makes $n")"
	for how in ${HUSK_LONG:+eperm enosys} trap; do
		bad='' missed=0 at=0
		while read -r early call; do
			[ -n "$call" ] || call=$early early=''
			at=$((at + 1))
			if [ "$call" = execve ] || { [ -n "$slow" ] && [ $((at % 8)) -ne 0 ]; }; then continue; fi
			one_less "$how" "$call" "$early"
			missed=$((missed + 1))
		done <"$T/list"
		report "a list of its calls without one of them, $how" "${bad#; }"
		report "and this was tried of many" "$([ "$missed" -gt 1 ] || echo "$missed")"
	done
}

# Where a run takes long, one call in eight has to do; HUSK_LONG=1 tries all, and with other answers too.
slow=
begun=$(cut -d' ' -f1 /proc/uptime | tr -d .)
confined
[ -n "${HUSK_LONG-}" ] || [ $(($(cut -d' ' -f1 /proc/uptime | tr -d .) - begun)) -lt 100 ] || slow=yes
with_a_thread
unconfined
options
user_options
foreign_filters
profiles
each_call_is_missed
finish
