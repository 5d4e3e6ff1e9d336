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
#  8 every thread is confined                 here: confined; with a ring machine/test_net: privileges
#  9 every suite passes confined              lib.sh: tell_confinement; machine/test_unconfined
# 10 attacks from a guest that owns husk      machine/test_rehearsal
# 11 ways back: a tap made anew, errors of    machine/test_net, test_block, test_output, test_moments
#    disks, a full console, SIGSTOP
# 12 a thread that is not the guest's         machine/test_rehearsal
# 13 the line, and --sandbox=kill             machine/test_rehearsal
# 14 no landlock, too many layers of it       here: foreign_filters
# 15 landlock alone                           machine/test_rehearsal
# 16 a core file of the guest                 the module that writes one
# 17 under filters of the starter's           here: foreign_filters
# 18 no seccomp                               here: foreign_filters
# 19 --user                                   here: user_options; machine/test_net: privileges
# 20 inherited descriptors                    here: confined
# 21 the program's segments and stack         unit/test_build
# 22 calls up to the first run                bench/test_counts
# 23 hostile hypercalls, confined             machine/test_hostile, test_ring
# 24 FreeBSD                                  pending
set -u

# shellcheck source=tests/machine/lib.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib.sh"
need_guests
need_hypervisor
[ -r /proc/self/status ] || skip_all "no /proc"
expects_sandbox || skip_all "this husk has no sandbox"
FILTERED=$BUILD/obj/tests/machine/filtered	# runs a command under a system call filter
[ -x "$FILTERED" ] || skip_all "the host's side is not built: $FILTERED"

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
	within 10 grep -q READY "$T/out"
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
	await 5
	judge "SIGSTOP, SIGCONT and SIGTERM" 1 'Exiting on signal 15'
	report "and no call was refused" "$(grep refused "$T/err")"
}

unconfined() {
	sleeping --sandbox=off
	field_is Seccomp "$(sed -n 's/^Seccomp:[[:space:]]*//p' /proc/self/status)"
	kill -TERM "$started"
	await 5
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
	report "the filter allows few calls" "$([ "$calls" -le 55 ] || echo "it allows $calls")"
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
	sleeping --user=1234:5678
	field_is Uid "1234	1234	1234	1234"
	field_is Gid "5678	5678	5678	5678"
	report "no other groups" "$(field Groups | tr -d ' ')"
	kill -TERM "$started"
	await 5
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
	under e2big landlock_restrict_self
	judge "landlock has as many layers as it can" 0 SUCCESS
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

confined
unconfined
options
user_options
foreign_filters
finish
