#!/bin/sh
# SPDX-License-Identifier: ISC
# test_output.sh: output that is lost is told, and output that nobody takes holds nobody up.
set -u

# shellcheck source=tests/machine/lib.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib.sh"
need_guests
need_hypervisor

hello=$(image hello)
blk=$(image blk)
dd if=/dev/null of="$T/disk" bs=1 seek=65536 2>/dev/null

# one_line NAME PATTERN: the last run ended with status 1 and one line on standard error, like the pattern.
one_line() {
	judge "$1" 1
	report "$1: and a line" "$(one_line_is "$2")"
}

one_line_is() {
	[ "$(wc -l <"$T/err")" -eq 1 ] || echo "not one line on standard error"
	grep -q -e "^$(basename "$HUSK"): .*$1" "$T/err" || echo "nothing like '$1'"
}

limited() {
	timeout -s KILL "$LIMIT" "$@" 2>"$T/err" </dev/null
	status=$?
}

# --- what was asked for -----------------------------------------------------------------------------------------------

# asked WORD...: into a full disk, a closed descriptor, one for reading, a reader that is gone.
asked() {
	: >"$T/out"
	limited "$HUSK" "$@" >/dev/full
	one_line "$* to a full disk" 'standard output: No space left on device'
	limited "$HUSK" "$@" >&-
	one_line "$* to a closed descriptor" 'standard output: Bad file descriptor'
	limited "$HUSK" "$@" 1</dev/null
	one_line "$* to a descriptor for reading" 'standard output: Bad file descriptor'
	mkfifo "$T/gone"
	exec 8<>"$T/gone" 9>"$T/gone" 8<&-
	limited "$HUSK" "$@" >&9
	exec 9>&-
	rm -f "$T/gone"
	one_line "$* to a reader that is gone" 'standard output: Broken pipe'
}

answers() {
	for how in --help --version --check "--check $hello" "--inspect $hello" "--inspect=json $hello"; do
		# shellcheck disable=SC2086 # words
		asked $how
	done
	limited "$HUSK" --help >&- 2>&-
	judge "nobody to tell it" 1
}

# A description that does not wait, and a reader that takes its time.
nonblocking() {
	image=$(image maxdevices)
	run --inspect=json "$image"
	cp "$T/out" "$T/whole"
	mkfifo "$T/fifo"
	{ sleep 2; cat; } <"$T/fifo" >"$T/out" &
	{
		fill_pipe
		limited "$INHERIT" nonblock=1 -- "$HUSK" --inspect=json "$image"
		echo "$status" >"$T/status"
	} >"$T/fifo"
	wait
	rm -f "$T/fifo"
	read -r status <"$T/status"
	judge "an answer into a full pipe that does not wait" 0
	report "all of it arrives" "$(tail -c "$(wc -c <"$T/whole")" "$T/out" | cmp - "$T/whole" 2>&1)"
}

# As much as goes into the pipe that is standard output, or is read from it in a second.
fill_pipe() {
	timeout 1 dd if=/dev/zero bs=4096 2>/dev/null
}

# --- figures ----------------------------------------------------------------------------------------------------------

figures() {
	limited "$HUSK" --stats=json --stats-to="$T/figures" --block-ro:storage="$T/disk" "$blk" >"$T/out"
	judge "figures in a file of their own" 9 'read-only'
	report "where nothing else is" "$([ "$(grep -c '^{.*}$' "$T/figures")" = "$(wc -l <"$T/figures")" ] || echo "there is more")"
	limited "$HUSK" --stats-to="$T/figures" "$hello" Hello_Solo5 >"$T/out"
	judge "figures as text" 0 SUCCESS
	report "what was there is gone" "$(grep -v '^[a-z]* [a-z_]* [0-9]*$' "$T/figures")"
	report "none go to standard error" "$(cat "$T/err")"
	limited "$HUSK" --stats-to=@5 "$hello" Hello_Solo5 >"$T/out" 5>"$T/figures"
	judge "figures to an inherited descriptor" 0 SUCCESS
	report "all of them" "$(grep -q '^total ' "$T/figures" || echo "there is no total")"
	limited "$HUSK" --stats-to="$T/figures" "$T/nowhere" >"$T/out"
	judge "an image that is not there" 1 nowhere
	report "leaves older figures alone" "$(grep -q '^total ' "$T/figures" || echo "they are gone")"
}

# unplaced PATTERN PLACE: figures cannot go there, and that is told before the guest runs.
unplaced() {
	limited "$HUSK" "--stats-to=$2" "$hello" Hello_Solo5 >"$T/out"
	judge "figures to $2" 1 "--stats-to=$2: .*$1"
	report "the guest does not run" "$(cat "$T/out")"
	limited "$HUSK" --check "--stats-to=$2" "$hello" >"$T/out"
	judge "--check tells it too" 1 "^FAIL --stats-to=$2: .*$1"
}

# Nor does what is printed become part of it.
image_appended_to() {
	for goal in '' --dry-run --check --inspect; do
		timeout -s KILL "$LIMIT" "$HUSK" $goal "$T/hello.hvt" >>"$T/link.hvt" 2>"$T/err"
		status=$?
		judge "output appended to the image: ${goal:-a run}" 1 'standard output is the image that is to run; send it to another file'
		timeout -s KILL "$LIMIT" "$HUSK" $goal "$T/hello.hvt" >"$T/out" 2>>"$T/link.hvt"
		status=$?
		judge "messages too: ${goal:-a run}" 1 'standard error is the image that is to run'
	done
	report "the image is as it was" "$(cmp "$hello" "$T/hello.hvt" 2>&1)"
}

# The image is not overwritten with figures, whatever name it goes by.
image_places() {
	cp "$hello" "$T/hello.hvt"
	ln "$T/hello.hvt" "$T/link.hvt"
	for place in "$T/hello.hvt" "$T/link.hvt" @7; do
		limited "$HUSK" --stats-to="$place" "$T/hello.hvt" Hello_Solo5 >"$T/out" 7>>"$T/link.hvt"
		judge "figures to the image, as ${place##*/}" 1 "--stats-to=$place is the image that is to run; name another file"
		report "the guest does not run" "$(cat "$T/out")"
		limited "$HUSK" --check --stats-to="$place" "$T/hello.hvt" >"$T/out" 7>>"$T/link.hvt"
		judge "--check tells it too" 1 "^FAIL --stats-to=$place is the image that is to run"
		report "the image is as it was" "$(cmp "$hello" "$T/hello.hvt" 2>&1)"
	done
	image_appended_to
	rm -f "$T/hello.hvt" "$T/link.hvt"
}

bad_places() {
	unplaced 'No such file' "$T/nowhere/figures"
	unplaced 'Is a directory' "$T"
	unplaced 'Bad file descriptor' @7
	unplaced 'not a number' @x
	limited "$HUSK" --stats-to=@7 "$hello" Hello_Solo5 >"$T/out" 7</dev/null
	judge "figures to a descriptor for reading" 1 'not open for writing'
	mkfifo "$T/fifo"
	unplaced 'nobody reads it' "$T/fifo"
	rm -f "$T/fifo"
	cp "$T/disk" "$T/before"
	limited "$HUSK" --stats-to="$T/disk" --block:storage="$T/disk" "$blk" >"$T/out"
	judge "figures to the guest's own disk" 1 "device storage: its disk is the file of --stats-to; send one of them elsewhere"
	report "the disk is as it was" "$(cmp "$T/before" "$T/disk" 2>&1)"
	image_places
	limited "$HUSK" --stats-to=/dev/full "$hello" Hello_Solo5 >"$T/out"
	judge "figures that a full disk does not take" 1 'SUCCESS' 'writing to /dev/full: No space left on device'
	limited "$HUSK" --stats-to=/dev/full "$(image exit)" exit 7 >"$T/out"
	judge "the guest's own status comes first" 7 'writing to /dev/full'
	run --stats-to= "$hello"
	judge "figures to nowhere" 1 "Invalid option: .--stats-to='"
	run --check --stats-to="$T/new" "$hello"
	judge "--check of a place that can be made" 0
	report "it is not made" "$([ ! -e "$T/new" ] || echo "it is there")"
}

# --- standard error ---------------------------------------------------------------------------------------------------

# stuck WORD...: starts the monitor; standard error is full and not read.
stuck() {
	mkfifo "$T/fifo"
	exec 9<>"$T/fifo"
	fill_pipe >&9
	start_error=$T/fifo
	start "$@"
	start_error=$T/err
	: >"$T/err"
}

unstuck() {
	exec 9<&-
	rm -f "$T/fifo"
}

error_is_stuck() {
	stuck --mem=2 --block-ro:storage="$T/disk" "$blk"
	await 20
	unstuck
	judge "a notice that nobody reads does not stop the guest" 9
	stuck --mem=2 -- "$(image spin)" sleep
	within 20 grep -q READY "$T/out"
	kill -TERM "$started"
	await 20
	unstuck
	judge "last words that nobody reads do not stop the end" 1
	stuck --mem=2 "$T/nowhere"
	await 20
	unstuck
	judge "nor does a failure that nobody reads" 1
	stuck --mem=2 --stats "$hello" Hello_Solo5
	within 20 grep -q SUCCESS "$T/out"
	sleep 0.5
	report "figures wait for who reads" "$(! ended || echo "they did not")"
	kill -TERM "$started"
	await 20
	unstuck
	judge "until a signal" 1
}

# --- the console ------------------------------------------------------------------------------------------------------

# The guest writes 1024 lines of 1024 bytes and exits with 7. all_of NAME FILE: all of it is there.
all_of() {
	report "$1" "$([ "$(tr -dc x <"$2" | wc -c)" -eq 1047552 ] || echo "$(tr -dc x <"$2" | wc -c) of 1047552 bytes arrived")"
}

# to_reader SECONDS COMMAND...: the console goes to a reader that begins after so long.
to_reader() {
	delay=$1
	shift
	mkfifo "$T/fifo"
	{ sleep "$delay"; cat; } <"$T/fifo" >"$T/read" &
	reader=$!
	limited "$@" --mem=2 -- "$(image flood)" --solo5:quiet >"$T/fifo"
	wait $reader
	rm -f "$T/fifo"
	: >"$T/out"
}

readers() {
	to_reader 2 "$HUSK"
	judge "a reader that pauses" 7
	all_of "gets everything" "$T/read"
	report "and nobody is told of anything" "$(cat "$T/err")"
	to_reader 1 "$INHERIT" nonblock=1 -- "$HUSK"
	judge "a reader that pauses, and a description that does not wait" 7
	all_of "gets everything" "$T/read"
	{ limited "$HUSK" --mem=2 -- "$(image flood)" --solo5:quiet; echo "$status" >"$T/status"; } |
		{ sleep 1; cat; } >"$T/read"
	read -r status <"$T/status"
	judge "a pipe without a name" 7
	all_of "and a reader that pauses" "$T/read"
	to_reader 2 "$HUSK" --console-patience=100ms
	judge "a limit to patience" 7 'console: its reader has taken nothing .*--console-patience'
	report "it is told once" "$([ "$(grep -c console: "$T/err")" -eq 1 ] || echo "more than once")"
	to_reader 2 "$HUSK" --console-patience=1m
	judge "a limit that is far away" 7
	all_of "loses nothing" "$T/read"
	for time in '' 1 soon -1s 1.5s; do
		run --console-patience="$time" "$hello"
		judge "--console-patience=$time" 1 "Invalid option: .--console-patience=$time': .*not a time"
	done
}

# loses NAME PATTERN: the last run's guest went on to its end, and that its output is lost was told once.
loses() {
	judge "$1" 7 "^$(basename "$HUSK"): console: $2; output is lost"
	report "it is told once" "$([ "$(wc -l <"$T/err")" -eq 1 ] || echo "more than that is told")"
}

nowhere() {
	: >"$T/out"
	set -- --mem=2 -- "$(image flood)" --solo5:quiet
	limited "$HUSK" "$@" >/dev/full
	loses "a full disk" 'No space left on device'
	limited "$HUSK" "$@" >&-
	loses "a closed descriptor" 'Bad file descriptor'
	limited "$HUSK" "$@" 1</dev/null
	loses "a descriptor for reading" 'Bad file descriptor'
	limited "$HUSK" "$@" 1<>/dev/null
	judge "a device that takes everything" 7
	limited "$INHERIT" fsize=65536 -- "$HUSK" "$@" >"$T/file"
	loses "a limit to the size of files" 'File too large'
	{ limited "$HUSK" "$@"; echo "$status" >"$T/status"; } | head -c 1 >/dev/null
	read -r status <"$T/status"
	loses "a reader that goes" 'Broken pipe'
	limited "$HUSK" --stats=json --stats-to="$T/figures" "$@" >/dev/full
	report "what is lost is counted" "$(grep -q '"bytes_dropped": *1048576' "$T/figures" || echo "it is not")"
}

# A reader that never comes, and a stop.
held_up() {
	mkfifo "$T/fifo"
	exec 9<>"$T/fifo"
	start_output=$T/fifo
	start --mem=2 -- "$(image flood)" --solo5:quiet
	start_output=$T/out
	sleep 1
	report "a reader that takes nothing is waited for" "$(! ended || echo "it is not")"
	kill -TERM "$started"
	await 20
	unstuck
	judge "but not when a stop is asked for" 1 'Exiting on signal 15'
}

answers
nonblocking
figures
bad_places
error_is_stuck
readers
nowhere
held_up
finish
