#!/bin/sh
# SPDX-License-Identifier: ISC
# test_inherited.sh: what a starter hands down does not keep husk from running, nor from ending.
#
# docs/architecture.md, "What is inherited", is the list of what was decided.
set -u

# shellcheck source=tests/machine/lib.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib.sh"
need_guests
need_hypervisor
[ -x "$INHERIT" ] || skip_all "the host's side is not built: $INHERIT"

hello=$(image hello)

# with WORD... : runs hello with what inherit.c makes of the words.
with() {
	forget_machines
	timeout -s KILL "$LIMIT" "$INHERIT" "$@" -- "$HUSK" --mem=8 "$hello" Hello_Solo5 >"$T/out" 2>"$T/err" </dev/null
	status=$?
}

# harmless WORD...: each of them changes nothing.
harmless() {
	for word; do
		with "$word"
		if [ "$status" -eq 77 ]; then
			skip "inherited: $word" "$(cat "$T/err")"
			continue
		fi
		succeeds "inherited: $word"
		report "and nothing is said about it" "$(cat "$T/err")"
	done
}

# one_line WORD PATTERN: status 1 and a line.
one_line() {
	with "$1"
	judge "inherited: $1" 1 "$2"
	report "in one line" "$([ "$(wc -l <"$T/err")" -eq 1 ] || echo "it is not")"
}

# sleeping WORD...: a guest that sleeps, with what inherit.c makes of the words.
sleeping() {
	start_with="$INHERIT $* --"
	start --mem=2 -- "$(image spin)" sleep
	start_with=
	within 20 grep -q READY "$T/out"
}

# ended_by SIGNAL NUMBER WORD...: that signal ends it all the same.
ended_by() {
	signal=$1 number=$2
	shift 2
	sleeping "$@"
	kill -"$signal" "$started"
	await 20
	judge "$signal, inherited: $*" 1 "Exiting on signal $number"
}

# killed_by NUMBER WORD...: a signal that kills any program ends it in order, with the same status.
killed_by() {
	number=$1
	shift
	sleeping "$@"
	kill -"$number" "$started"
	await 20
	judge "signal $number, inherited: $*" $((128 + number)) "Exiting on signal $number"
}

# survives SIGNAL WORD...: that signal is none of husk's.
survives() {
	signal=$1
	shift
	sleeping "$@"
	kill -"$signal" "$started"
	sleep 0.3
	report "$signal, inherited: $*" "$(! ended || echo "it has ended")"
	kill -TERM "$started"
	await 20
	judge "and SIGTERM ends it" 1 'Exiting on signal 15'
}

signals() {
	ended_by TERM 15 ignore=15
	ended_by TERM 15 block=15
	ended_by TERM 15 block=0 ignore=0
	ended_by INT 2 default=2 block=2
	ended_by HUP 1 default=1 block=1
	survives INT ignore=2
	survives HUP ignore=1
	with pending=15
	judge "inherited: a pending SIGTERM" 1 'Exiting on signal 15'
	harmless block=0 ignore=0 ignore=17 ignore=23 block=23 ignore=13 ignore=25 default=0
	sleeping timer=2500
	await 20
	judge "an alarm that the starter has set ends it in order, with the status of any program" 142 'Exiting on signal 14'
	killed_by 12 default=12
	survives USR2 default=12 block=12
	survives USR2 ignore=12
}

limits() {
	# Linux moves the stack's start down by up to a page, at random: of one large page nothing may be left.
	! has_small_pages || harmless stack=16384
	harmless stack=65536 core=0 memlock=0 nofile=64 cpu=60
	# Files do not grow then, that with the messages neither; test_output.sh has a limit that lets them.
	with fsize=0
	judge "inherited: fsize=0" 0
	one_line nofile=4 'Too many open files'
	one_line as=4000000 'Cannot allocate memory'
	# Memory of a guest is data of the monitor, where it is not the hypervisor's own.
	[ "${BACKEND:-kvm}" = vmm ] || one_line data=1000000 'Cannot allocate memory'
	timeout -s KILL "$LIMIT" "$INHERIT" cpu=1 -- "$HUSK" --mem=2 "$(image spin)" compute >"$T/out" 2>"$T/err" </dev/null
	status=$?
	judge "a limit of processor time ends it in order, with the status of any program" 152 'Exiting on signal 24'
}

others() {
	harmless descriptors=40 umask=0777 directory environment nice=5 slack=1000000 privileges=1 oom=500 \
		personality=0x0040000 personality=0x0400000 nonblock=0 close=0
	with name=0
	succeeds "inherited: a name that is empty"
	timeout "$LIMIT" "$INHERIT" name=0 -- "$HUSK" --nosuch >"$T/out" 2>"$T/err"
	status=$?
	judge "messages have a name all the same" 1 '^husk: Invalid option'
	timeout "$LIMIT" "$INHERIT" name=1 -- "$HUSK" --nosuch >"$T/out" 2>"$T/err"
	status=$?
	judge "a name with a line's end and an escape" 1 '^a?\[31mname?: Invalid option'
	with close=2
	succeeds "inherited: close=2"
	with close=1
	judge "inherited: close=1" 0 'output is lost'
	: >"$T/log"
	timeout "$LIMIT" "$HUSK" --mem=8 "$hello" Hello_Solo5 >>"$T/log" 2>"$T/err"
	timeout "$LIMIT" "$HUSK" --mem=8 "$hello" Hello_Solo5 >>"$T/log" 2>"$T/err"
	report "a file that is appended to keeps both" "$([ "$(grep -c SUCCESS "$T/log")" -eq 2 ] || echo "it does not")"
}

signals
limits
others
finish
