#!/bin/sh
# SPDX-License-Identifier: ISC
# test_guests.sh: what well-behaved guests may expect: memory, protection, clocks, a console, an exit status, an end.
set -u

# shellcheck source=tests/machine/lib.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib.sh"
need_guests
need_hypervisor

# guest NAME [ARGUMENT]...: with as much memory as there can be.
guest() {
	name=$1
	shift
	run --mem=4096 -- "$(image "$name")" "$@"
}

# --- the guests, each with what it is named after ---------------------------------------------------------------------

not_a_host_program() {
	cp "$(image hello)" "$T/hello"
	chmod 755 "$T/hello"
	"$T/hello" Hello_Solo5 >"$T/out" 2>"$T/err"
	status=$?
	judge "the host's kernel refuses to run an image" 127
}

basics() {
	guest hello Hello_Solo5
	succeeds "a guest starts, and is told its command line"
	run --mem=2 -- "$(image hello)" Hello_Solo5
	succeeds "2 MiB are enough for a small guest"
	run "$(image hello)" Hello_Solo5
	succeeds "there is a default for the size of memory"
	guest hello goodbye
	judge "hello can fail" 1
	guest quiet --solo5:quiet
	succeeds "a quiet guest runs"
	report "a quiet guest's console shows nothing of the bindings" \
		"$(grep -l -e 'Solo5:' "$T/out" "$T/err")"
	guest output all
	judge "one large console write" 0
	report "all of it arrives" "$(lines_missing)"
	guest globals
	succeeds "initialised data, pointers and zeros"
}

# The guest writes 64 lines of 63 characters, each made of one character that the next line's follows.
lines_missing() {
	[ "$(grep -c -e '^\(.\)\1\{62\}$' "$T/out")" -eq 64 ] || echo "not 64 lines of 63 equal characters"
}

memory() {
	guest memory 4096
	succeeds "4 GiB of memory, zero-filled, to the last byte"
	run --mem=512 -- "$(image memory)" 512
	succeeds "512 MiB of memory"
	run --mem=2 -- "$(image memory)" 2
	succeeds "2 MiB of memory"
	run --mem=7 -- "$(image memory)" 6
	succeeds "an odd size is rounded down"
	judge "and the user is told" 0 'adjusting memory to 6 MiB'
	run --mem=32 -- "$(image bigbss)"
	succeeds "zero-filled data that the image does not hold"
	run --mem=4 -- "$(image bigbss)"
	judge "data that do not fit are the guest's to find, as under other monitors" 255
	run --check --mem=4 -- "$(image bigbss)"
	judge "and --check tells of them" 1 \
		'its zero-filled data end at 0x[0-9a-f]*, beyond .* 4 MiB: give it --mem=10 or more'
}

# Where addresses have 32 bits, and memory as many.
last_bytes() {
	guest hostile_core --solo5:quiet puts struct=last data=last len=16
	judge "a request in the last bytes of 4 GiB" 0
	guest hostile_core --solo5:quiet puts struct=wrap
	judge "a request across the end of 4 GiB" 1 'Invalid guest access: gpa=0xfffffff8, '
	guest hostile_core --solo5:quiet puts data=past
	judge "a buffer across the end of 4 GiB" 1 'Invalid guest access: gpa=0xfffffff1, '
	guest hostile_core --solo5:quiet puts data=above
	judge "a buffer above 4 GiB" 1 'Invalid guest access: gpa=0x100000000, '
}

faults() {
	guest exception
	aborts "a store where no memory is"
	guest zeropage write 8
	aborts "a store through a null pointer"
	guest zeropage write 65528
	aborts "a store to the last word below the boot info"
	guest zeropage read 0
	aborts "a read through a null pointer"
	guest zeropage read 65528
	aborts "a read of the last word below the boot info"
	guest zeropage read 65536
	succeeds "boot info can be read"
	guest zeropage write 65536
	aborts "boot info cannot be written"
	guest zeropage write 1048568
	aborts "nor can the last word below the image"
	guest notls
	aborts "thread-local variables without a thread pointer"
	guest ssp
	aborts "an overrun buffer on the stack"
	guest canary --solo5:quiet
	succeeds "the guard of the stack"
	sed -n 's/^guard //p' "$T/out" >"$T/guard"
	report "it has a zero byte, and others" "$(grep -q '^[0-9a-f]*[1-9a-f][0-9a-f]*00[0-9a-f][0-9a-f]$' "$T/guard" ||
		cat "$T/guard")"
	guest canary --solo5:quiet
	report "each run has another" "$(! grep -q -F -f "$T/guard" "$T/out" || show "$T/guard")"
}

protection() {
	for where in text rodata; do
		guest wxorx write $where
		judge_refused_store "a store to $where ends the run"
	done
	guest wxorx read text
	succeeds "text can be read"
	for where in rodata data bss heap stack; do
		guest wxorx call $where
		aborts "a call into $where"
	done
}

arithmetic() {
	if lacks_instructions; then
		skip "vector and scalar floating point" "this KVM emulates instructions, and not these"
		return
	fi
	guest fpu
	succeeds "vector and scalar floating point"
}

threads() {
	guest tls
	succeeds "thread-local variables of two threads"
	guest tls_align
	succeeds "thread-local variables with alignment"
}

clocks() {
	guest time
	succeeds "clocks advance and agree, and sleep is sleep"
}

# --- how runs end -----------------------------------------------------------------------------------------------------

# exits WORDS WANTED
exits() {
	# shellcheck disable=SC2086 # the guest gets words
	run --mem=2 -- "$(image exit)" $1
	judge "$1: the exit status is $2" "$2"
}

statuses() {
	for how in exit return; do
		exits "$how 0" 0
		exits "$how 1" 1
		exits "$how 7" 7
		exits "$how 64" 64
		exits "$how 255" 255
		exits "$how 256" 0
		exits "$how 263" 7
		exits "$how -1" 255
	done
	run --mem=2 -- "$(image exit)" abort
	judge "abort: the exit status is 255" 255
	run --mem=2 -- "$(image exit)" --solo5:quiet exit 1
	report "the monitor says nothing about a guest's own exit status" "$(cat "$T/err")"
}

# signalled SIGNAL NUMBER HOW: the guest passes its time in that way.
signalled() {
	# A shell's background jobs ignore SIGINT.
	start_with="$INHERIT default=2 --"
	start --mem=2 -- "$(image spin)" "$3"
	start_with=
	if ! within 20 grep -q READY "$T/out"; then
		await 0
		not_ok "$1 while the guest does: $3" "the guest did not start"
		return
	fi
	kill -"$1" "$started"
	await 20
	judge "$1 while the guest does: $3" 1 "Exiting on signal $2"
}

signals() {
	for how in compute sleep ask talk; do
		signalled TERM 15 $how
	done
	signalled INT 2 compute
	signalled INT 2 sleep
	signalled HUP 1 compute
	signalled HUP 1 sleep
	patient_signalled
}

# One console call may be as long as memory, and its reader as slow as it likes.
patient_signalled() {
	mkfifo "$T/slow"
	(
		n=0
		while [ $n -lt 1000 ] && head -c 65536 >/dev/null; do
			n=$((n + 1))
			sleep 0.01
		done
	) <"$T/slow" &
	reader=$!
	start_output=$T/slow
	start --mem=4096 -- "$(image hostile_core)" --solo5:quiet puts data=null len=4294967296
	start_output=$T/out
	sleep 0.5
	kill -TERM "$started"
	await 20
	judge "TERM while a slow reader takes a long console call" 1 "Exiting on signal 15"
	kill "$reader" 2>/dev/null
}

# --- the console ------------------------------------------------------------------------------------------------------

# The guest writes a mebibyte and then exits with 7, so 7 says that nothing stopped it. --solo5:quiet keeps it exact.
flood() {
	timeout -s KILL "$LIMIT" "$HUSK" "$@" --mem=2 -- "$(image flood)" --solo5:quiet
	echo $? >"$T/status"
}

flooded() {
	read -r status <"$T/status"
	judge "$1" 7
}

console() {
	: >"$T/out"
	flood >"$T/flood" 2>"$T/err" </dev/null
	flooded "a mebibyte of output to a file"
	report "all of it arrives" "$([ "$(wc -c <"$T/flood")" -eq 1048576 ] || echo "not 1048576 bytes")"
	flood 2>"$T/err" </dev/null | cat >"$T/flood"
	flooded "a reader that reads"
	flood 2>"$T/err" </dev/null | head -c 1 >/dev/null
	flooded "a reader that vanishes"
	mkfifo "$T/fifo"
	exec 9<>"$T/fifo"
	flood --console-patience=0 2>"$T/err" </dev/null >"$T/fifo"
	exec 9>&-
	flooded "a pipe that nobody reads, and no patience"
	flood 2>"$T/err" </dev/null >&-
	flooded "a closed standard output"
	if [ -c /dev/full ]; then
		flood 2>"$T/err" </dev/null >/dev/full
		flooded "a full standard output"
	else
		skip "a full standard output" "no /dev/full"
	fi
	all_closed
	one_fifo_for_all
}

all_closed() {
	timeout -s KILL "$LIMIT" "$HUSK" --mem=2 -- "$(image exit)" exit 7 <&- >&- 2>&-
	echo $? >"$T/status"
	: >"$T/err"
	flooded "no standard descriptor at all"
}

# An orchestrator may give the write end of one FIFO as input, output and error.
one_fifo_for_all() {
	cat "$T/fifo" >"$T/out" &
	reader=$!
	timeout -s KILL "$LIMIT" "$HUSK" --mem=2 -- "$(image hello)" Hello_Solo5 0>"$T/fifo" 1>&0 2>&0
	status=$?
	wait "$reader"
	succeeds "one FIFO, open for writing only, as all three"
}

# --- the command line of the guest ------------------------------------------------------------------------------------

# told WANTED WORD...: the guest's command line when these words follow the image.
told() {
	wanted=$1
	shift
	run --mem=2 "$@"
	label=$(printf '%.30s' "$wanted")
	text=$wanted label=$(printf '%.30s' "$wanted")
	judge "the guest is told [$label], ${#text} characters" 0
	report "and nothing else" "$(grep -qxF -e "[$text] ${#text} characters" "$T/out" || echo "it was told something else")"
}

letters() {
	printf "%${1}s" '' | tr ' ' a
}

arguments() {
	i=$(image args)
	told "" "$i"
	told "" -- "$i"
	told "a b" "$i" a b
	told "a  b" "$i" a "" b
	told "a b " "$i" a b ""
	told "a   b" "$i" "a " " b"
	told "--mem=3 --help --" "$i" --mem=3 --help --
	told "-- -x --version" -- "$i" -- -x --version
	# shellcheck disable=SC2016 # nobody is to expand them
	told "\"q\" 'r' \$s \\t *" "$i" '"q"' "'r'" '$s' '\t' '*'
	told "$(letters 4000)" "$i" "$(letters 4000)"
	told "$(letters 8191)" "$i" "$(letters 8191)"
	told "$(letters 8189) b" "$i" "$(letters 8189)" b
	run --mem=2 "$i" "$(letters 8192)"
	judge "8192 characters are too many" 1 'Guest command line too long (max=8191 characters)'
	run --mem=2 "$i" "$(letters 8190)" b
	judge "also in two words" 1 'Guest command line too long (max=8191 characters)'
}

not_a_host_program
basics
memory
last_bytes
faults
protection
arithmetic
threads
clocks
statuses
signals
console
arguments
finish
