#!/bin/sh
# SPDX-License-Identifier: ISC
# test_trace.sh: what guests ask for is told in words, confined, whatever becomes of the reader or the guest.
#
# What is to be shown, by its number in the list of tests for looking inside:
#
#	27	traces as stored, without times: texts, ring, for these guests (not for each that there is); JSON: viewers,
#		unit/trace/test_module_trace; a guest that prints much is not slower by much: costs
#	16	all of it in the sandbox
set -u

# shellcheck source=tests/machine/lib.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib.sh"
need_guests
need_hypervisor
"$HUSK" --help | grep -q -e --trace || skip_all "this husk has no module trace"

stored=${SRC:-$(dirname "$0")/../..}/tests/machine/traces

# Without what changes from run to run and from machine to machine: times, addresses, the bindings' own words.
timeless() {
	sed -e 's/^[0-9]*\.[0-9]* //' -e 's/ <[0-9.]*[a-z]*>$//' -e 's/0x[0-9a-f]*/ADDRESS/g' \
		-e '/^puts(text="   _/d' -e '/^puts(text="Solo5: /d' \
		-e 's/^mmio_write(addr=/out(port=/' -e 's/^Invalid guest [pm].*/Invalid access/' -e 's/rip=/pc=/'
}

# same NAME OPTION... -- IMAGE [ARGUMENT]...: its trace, without times, is the stored one.
same() {
	name=$1
	shift
	rm -f "$T/trace"
	run --trace="$T/trace" --mem=2 "$@"
	timeless <"$T/trace" >"$T/timeless"
	[ -z "${STORE-}" ] || cp "$T/timeless" "$stored/$name"
	reason=$(diff "$stored/$name" "$T/timeless" 2>&1 | head -5 | tr '\n' ';')
	[ -z "$(unsound)" ] || reason="${reason:+$reason; }a sanitizer warned"
	report "the trace of $name" "$reason"
}

texts() {
	same hello -- "$(image hello)" one two
	same exit -- "$(image exit)"
	truncate -s 64K "$T/disk"
	same hostile_block --block:storage="$T/disk" -- "$(image hostile_block)" block_read len=512
	same hostile_handle --block:storage="$T/disk" -- "$(image hostile_block)" block_read handle=9
	same hostile_null --block:storage="$T/disk" -- "$(image hostile_block)" block_read data=null
	same hostile_number -- "$(image hostile_core)" 10
}

# The network is a pipe: what was sent can be received.
ring() {
	packets=${TOOLS:-$BUILD/obj/tests/machine}/packets
	if [ ! -x "$packets" ]; then
		skip "the trace of ring" "the host's side is not built: $packets"
		return
	fi
	mkfifo "$T/wire"
	exec 8<>"$T/wire"
	"$packets" 8
	same ring --net:service0=@8 -- "$(image hostile_ring)" --solo5:quiet \
		write buffer 64 write buffer 64 read buffer 64 submit served completions 1
	exec 8<&-
}

# A trace on standard error comes line by line, whatever becomes of the guest.
at_once() {
	start --trace --mem=2 -- "$(image spin)" sleep
	within 20 grep -q 'puts(text="READY' "$T/err"
	report "a line is there while the guest waits" \
		"$(grep -q 'puts(text="READY' "$T/err" || echo "none came")"
	kill -TERM "$started"
	await 20
	judge "and the end is told" 1 'poll(timeout=forever)' 'stopped, reason 15'
}

# --- for viewers ------------------------------------------------------------------------------------------------------

# json_is NAME: the file is a JSON array, with anything strict that there is.
json_is() {
	if ! command -v python3 >/dev/null; then
		skip "$1" "there is no python3"
	else
		report "$1" "$(python3 - "$T/trace.json" <<'EOM' 2>&1 | tail -1
import json, sys
text = open(sys.argv[1]).read()
if not text.endswith("]\n"):
    text = text.rstrip(",\n") + "]"
rows = {1: 0, 2: 0}
for event in json.loads(text):
    assert {"name", "ph", "ts", "pid", "tid"} <= set(event), event
    assert event.get("args") != {}, event
    assert all(v <= 2**53 for v in event.get("args", {}).values() if isinstance(v, int)), event
    assert event["ph"] in "XiM" and (event["ph"] == "X") == ("dur" in event), event
    if event["ph"] == "X":
        begin, row = event["ts"], event["tid"]
        assert begin >= rows[row] - 0.002, (event, rows[row])
        rows[row] = begin + event["dur"]
assert rows[2] > 0, "no call"
EOM
)"
	fi
}

viewers() {
	run --trace="$T/trace.json" --mem=2 -- "$(image time)"
	succeeds "a trace for viewers"
	json_is "is JSON, its events in order"
	start --trace="$T/trace.json" --mem=2 -- "$(image spin)" ask
	within 20 test -s "$T/trace.json"
	kill -KILL "$started"
	await 20
	json_is "what was written before a kill is JSON but for its end"
}

# --- readers ----------------------------------------------------------------------------------------------------------

readers() {
	run --trace=@4 --mem=2 -- "$(image time)" 4>/dev/full
	succeeds "a full disk under a trace is no matter of the guest's"
	report "and is told" "$(grep -q 'trace: not all of it .*, [0-9]* bytes are missing: No space left on device' "$T/err" || echo "it is not")"
	run --trace="$(image hello)" --mem=2 -- "$(image hello)"
	judge "the image is not written to" 1 'is the image that is to run'
	run --trace="$T/disk" --block:storage="$T/disk" --mem=2 -- "$(image blk)"
	judge "nor is a disk of the guest's" 1 'a disk of this guest'
	report "which keeps its size" "$([ "$(wc -c <"$T/disk")" = 65536 ] || echo "it does not")"
	"$HUSK" --mem=2 --trace="$T/same" -- "$(image hello)" >"$T/same" 2>"$T/err"
	status=$?
	: >"$T/out"
	judge "nor is the console's file" 1 "--trace=.*same is where the guest's console goes"
	"$HUSK" --mem=2 --stats-to="$T/same" -- "$(image hello)" >"$T/same" 2>"$T/err"
	status=$?
	judge "nor do figures go there" 1 "--stats-to=.*same is where standard output goes"
	"$HUSK" --mem=2 --trace=@1 -- "$(image hello)" Hello_Solo5 >"$T/out" 2>"$T/err"
	status=$?
	judge "unless it is handed down" 0 'puts(text=' SUCCESS
	run --dry-run --trace="$T/new" --mem=2 -- "$(image hello)"
	report "a dry run makes no file" "$([ ! -e "$T/new" ] || echo "it does")"
}

PAGES=640
hot=$(image hot)

# others OPTION...: how many system calls it takes beside runs of the guest; "" if that cannot be counted here.
others() {
	timeout -s KILL "$LIMIT" sh "${SRC:-$(dirname "$0")/../..}/tests/bench/count.sh" "$HUSK" --mem=2 "$@" "$hot" \
		pages $PAGES 2>/dev/null | sed -n 's/^others //p'
}

# What a trace of these takes of the processor, beside the guest and its console, in thousandths of what these take.
share() {
	"${TOOLS:-$BUILD/obj/tests/machine}/cputime" 5 "$HUSK" --mem=2 "$hot" pages $PAGES -- \
		"$HUSK" --mem=2 --trace="$T/trace" "$hot" pages $PAGES 2>"$T/err" | awk 'NR == 2 { print int($3 / 1000) - 1000 }'
}

# The console goes where writing costs least. One of the two may have had the worse of a busy host, but not each time.
costs() {
	plain=$(others) traced=$(others --trace="$T/trace")
	if [ -z "$plain" ]; then
		skip "lines are written many at a time" "no strace, or it may not trace"
	else
		report "lines are written many at a time" "$([ "${traced:-0}" -gt 0 ] && [ $((traced - plain)) -lt $((PAGES / 8)) ] ||
			echo "$plain system calls, and with a trace $traced")"
	fi
	tries=0 least=''
	until [ "${least:-1000}" -lt 1000 ] || [ $tries -eq 5 ]; do
		tries=$((tries + 1)) least=$(share)
	done
	echo "# a trace took ${least:-no} thousandths of the time of what it tells"
	report "a guest that writes much does not take twice the time for it" \
		"$([ "${least:-1000}" -lt 1000 ] || echo "$least thousandths more"; cat "$T/err")"
}

texts
ring
costs
at_once
viewers
readers
finish
