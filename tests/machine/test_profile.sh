#!/bin/sh
# SPDX-License-Identifier: ISC
# test_profile.sh: a profile says where guests of known habits spend their time, confined.
#
# What is to be shown, by its number in the list of tests for looking inside:
#
#	24	70, 20 and 10 %: split; 200 calls deep, and chains that loop, are odd or lead outside: lies, unit/test_unwind;
#		without symbols: stripped; a guest that waits: waits; OCaml's names: unit/test_symbols (no OCaml guest is run)
#	25	lines that sum up, JSON, XML with a bar for each function: split, formats, unit/profile/test_profile
#	26	the cost at 199 Hz: costs, with HUSK_LONG; calls unchanged without a profile: tests/bench/test_counts.sh
#	16	all of it in the sandbox
set -u

# shellcheck source=tests/machine/lib.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib.sh"
need_guests
need_hypervisor
"$HUSK" --help | grep -q -e --profile= || skip_all "this husk has no module profile"

# profile FILE OPTION... -- IMAGE [ARGUMENT]...: nothing of the start, which is slow where instructions are emulated.
profile() {
	file=$1
	shift
	rm -f "$file"
	run --profile="$file" --mem=2 "$@"
}

# Where an exit takes a millisecond, as in emulated machines, a guest that is asked so often does not get on.
profile "$T/probe.txt" --profile-rate=997 -- "$(image hot)" turns 200
slow=
[ "$(sed -n 's/.*profile: \([0-9]*\) samples.*/\1/p' "$T/err")" -lt 1500 ] || slow="exits are too slow here"
rate=${slow:+20}
top=seventy
[ -z "$slow" ] || top='.*'	# the call by which the guest looks at the clock, for one

# What part of its time a function has that has a part of the instructions: an emulator translates some of
# these anew now and then.
near=3
# And it has no processor of its own, so that shares are of little time where it has to wait for one.
starving=50
[ "$(hostname)" != machine ] || near=10 starving=25

# share FILE STACK: percent of the samples below work, lie, or another function of the guest's own.
share() {
	awk -v stack="$2" '
		/solo5_app_main|bottom|lie/ && !/no processor/ { all += $NF; if (index($0, stack)) part += $NF }
		END { print all ? int(100 * part / all + 0.5) : 0 }' "$1"
}

# starved: in so many samples of the last run the guest had no processor that others say little of its work.
starved() {
	[ "$(sed -n 's/.*profile: .* \([0-9]*\) % without a processor.*/\1/p' "$T/err")" -ge $starving ] 2>/dev/null
}

# shown NAME REASON: as report, but what was not sampled because the guest had no processor is no fault.
shown() {
	if [ -n "$2" ] && starved; then
		skip "$1" "this machine is too busy with other things"
	else
		report "$1" "$2"
	fi
}

# expect NAME SHARE LOW HIGH
expect() {
	if [ -n "$slow" ] || starved; then
		skip "$1" "${slow:-this machine is too busy with other things}"
		return
	fi
	reason=
	{ [ "$2" -ge "$3" ] && [ "$2" -le "$4" ]; } || reason="$2 %, not $3 to $4"
	report "$1" "$reason"
}

# --- where time goes --------------------------------------------------------------------------------------------------

is_split() {
	[ -z "$slow" ] || return 0
	expect_share=$(share "$T/split.folded" "work;seventy ")
	[ "$expect_share" -ge $((70 - near)) ] && [ "$expect_share" -le $((70 + near)) ]
}

# On a busy machine there may be too few samples for once.
split() {
	for attempt in 1 2 3; do
		profile "$T/split.folded" --profile-rate="${rate:-1999}" -- "$(image hot)" split 1200
		! is_split || break
		echo "# attempt $attempt: $expect_share %"
	done
	! starved || top='.*'
	judge "70, 20 and 10 percent" 0 SUCCESS "profile: [0-9]* samples.*, top: $top [0-9]* %\$"
	expect "70 %" "$(share "$T/split.folded" "work;seventy ")" $((70 - near)) $((70 + near))
	expect "20 %" "$(share "$T/split.folded" "work;twenty ")" $((20 - near)) $((20 + near))
	expect "10 %" "$(share "$T/split.folded" "work;ten ")" $((10 - near)) $((10 + near))
	told=$(sed -n 's/.*profile: \([0-9]*\) samples.*/\1/p' "$T/err")
	sum=$(awk '{ n += $NF } END { print n }' "$T/split.folded")
	report "the lines sum up to the samples" "$([ "$told" = "$sum" ] || echo "$told samples, $sum in lines")"
}

waits() {
	profile "$T/wait.folded" --profile-rate="${rate:-199}" -- "$(image hot)" wait 1000
	judge "a guest that waits" 0 SUCCESS '[0-9]* % waiting'
	expect "is seen to" "$(share "$T/wait.folded" 'waiter;solo5_yield;')" 95 100
	shown "in [wait]" "$(grep -q ';\[wait\] [0-9]*$' "$T/wait.folded" || echo "there is none")"
}

hypercalls() {
	profile "$T/write.folded" --stats --profile-rate="${rate:-5000}" -- "$(image hot)" write 300
	succeeds "a guest that writes"
	report "says which function makes the calls" "$(grep -q '^callers puts:writer [1-9]' "$T/err" || show "$T/err")"
	[ -n "$slow" ] || shown "has a share of the monitor's" \
		"$(grep -q 'writer;.*\[husk: puts\] ' "$T/write.folded" || echo "there is none")"
}

# The first tick comes before the guest runs, and is not the last.
ticks() {
	if [ -n "$slow" ]; then
		skip "ticks from the start on" "$slow"
		return
	fi
	for attempt in 1 2 3; do
		profile "$T/ticks.folded" --profile-rate=5000 -- "$(image hot)" turns 200
		shown "ticks from the start on, $attempt" \
			"$(grep -q 'turner;seventy [0-9]*$' "$T/ticks.folded" || echo "there are none")"
	done
}

# Whatever the frame pointer is.
lies() {
	for lie in loop odd outside; do
		profile "$T/$lie.folded" --profile-rate="${rate:-997}" -- "$(image hot)" "$lie" 200
		succeeds "a frame pointer that leads nowhere ($lie)"
		expect "costs callers, not samples" "$(share "$T/$lie.folded" lie)" 60 100
	done
	profile "$T/deep.folded" --profile-rate="${rate:-997}" -- "$(image hot)" deep 200
	succeeds "a recursion of 200"
	deepest=$(awk '!/\[/ { n = split($1, f, ";"); if (n > max) max = n } END { print max }' "$T/deep.folded")
	expect "is cut at 128" "$deepest" 128 128
}

stripped() {
	if ! command -v "${STRIP:=strip}" >/dev/null || ! "$STRIP" -o "$T/stripped" "$(image hot)" 2>/dev/null; then
		skip "an image without symbols" "there is no strip for it"
		return
	fi
	profile "$T/stripped.folded" --profile-rate="${rate:-997}" -- "$T/stripped" split 200
	judge "an image without symbols" 0 SUCCESS 'has no symbols'
	report "has addresses" "$(grep -q ';0x[0-9a-f]* [0-9]*$' "$T/stripped.folded" || echo "it has none")"
}

# --- what it is written as, and when ----------------------------------------------------------------------------------

formats() {
	profile "$T/split.svg" --profile-rate="${rate:-997}" -- "$(image hot)" split 500
	succeeds "a flame graph"
	if command -v xmllint >/dev/null; then
		report "is XML" "$(xmllint --noout "$T/split.svg" 2>&1 | head -1)"
	else
		skip "is XML" "there is no xmllint"
	fi
	shown "with a bar for each function" "$([ "$(grep -c '<title>seventy: ' "$T/split.svg")" = 1 ] || echo "not so")"
	profile "$T/split.json" --profile-rate="${rate:-997}" -- "$(image hot)" split 500
	if command -v python3 >/dev/null; then
		report "speedscope's JSON" "$(python3 - "$T/split.json" <<'EOM' 2>&1 | tail -1
import json, sys
d = json.load(open(sys.argv[1]))
p = d["profiles"][0]
assert len(p["samples"]) == len(p["weights"]) > 0
assert abs(sum(p["weights"]) - p["endValue"]) < 1e-6
names = [f["name"] for f in d["shared"]["frames"]]
assert any([names[i] for i in s][-2:] == ["work", "seventy"] for s in p["samples"]), names
EOM
)"
	else
		skip "speedscope's JSON" "there is no python3"
	fi
}

stops() {
	rm -f "$T/stop.folded"
	start --profile="$T/stop.folded" --mem=2 -- "$(image spin)" compute
	within 20 grep -q READY "$T/out"
	sleep 0.3
	kill -TERM "$started"
	await 20
	judge "a guest that is stopped" 1 'Exiting on signal 15' 'profile: [0-9]* samples'
	report "has a profile too" "$(grep -q 'solo5_app_main.* [0-9]*$' "$T/stop.folded" || echo "it has none")"
	run --profile="$T/x.png" --mem=2 -- "$(image hello)"
	judge "an ending that says nothing" 1 'ends in none of .svg'
}

# The processor time of a guest with so much to do, without a profile, at 199 Hz, and at 5000 Hz, where
# what a sample costs shows above what else a machine does.
costs() {
	cputime=${TOOLS:-$BUILD/obj/tests/machine}/cputime
	if [ "${HUSK_LONG-0}" = 0 ] || [ ! -x "$cputime" ]; then
		skip "a sample is cheap" "it takes a quiet machine; HUSK_LONG=1 asks for it"
		skip "the cost at 199 Hz is below 1 %" "likewise"
		return
	fi
	run --mem=2 "$(image hot)" turns 1000
	turns=$(sed -n 's/^turns //p' "$T/out")
	set -- --mem=2 "$(image hot)" count $((turns * 4))
	"$cputime" 15 "$HUSK" "$@" -- "$HUSK" --profile="$T/low.folded" "$@" -- \
		"$HUSK" --profile="$T/high.folded" --profile-rate=5000 "$@" >"$T/out" 2>/dev/null
	status=$?
	samples=$(awk '!/no processor/ { n += $NF } END { print n }' "$T/high.folded")
	sed 's/^/# us least, median; ratio: /' "$T/out"
	echo "# $samples samples at 5000 Hz"
	reason=$(awk -v samples="$samples" '
		{ least[NR] = $1 }
		END { sample = (least[3] - least[1]) / samples
		      printf "# %.1f us a sample: %.2f %% at 199 Hz\n", sample, sample * 199 / 1e4 >"/dev/stderr"
		      if (sample * 199 > 1e4) print sample " us a sample" }' "$T/out" 2>"$T/said")
	cat "$T/said"
	if [ -e /machine-command ]; then
		skip "a sample is cheap" "in an emulated machine an exit takes 50 us"
		skip "the cost at 199 Hz is below 1 %" "likewise"
		return
	fi
	report "a sample is cheap" "$reason"
	report "the cost at 199 Hz is below 1 %" "$(awk '
		NR == 1 { least = $1 } NR == 2 && $1 > 1.01 * least && $3 > 1010000 { print $3 / 1e4 - 100 " %" }' "$T/out")"
}

split
waits
stops
[ "${BACKEND:-kvm}" = kvm ] || finish	# what is left is the same whatever interrupts the guest
hypercalls
ticks
lies
stripped
formats
costs
finish
