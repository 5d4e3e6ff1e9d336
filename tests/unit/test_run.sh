#!/bin/sh
# SPDX-License-Identifier: ISC
# test_run.sh: tests/run counts good, failing, crashing, hanging, unplanned and skipped tests right.
set -u

run=${SRC:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/run
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
number=0

# A fake test program, called $1, made of the shell commands on stdin.
fake() {
	{ echo '#!/bin/sh'; cat; } >"$tmp/$1"
	chmod +x "$tmp/$1"
}

# $1: what is promised; $2: the expected last line; $3: exit status; $4: text that the report holds;
# the rest: arguments of tests/run. All of them run at once, as some do little but wait.
expect() {
	number=$((number + 1))
	checked "$number" "$@" >"$tmp/result.$number" &
}

# checked NUMBER and the arguments of expect
checked() {
	text="$1 - $2" last=$3 want=$4 part=$5
	shift 5
	report=$(cd "$tmp" && "$run" "$@" 2>&1)
	got=$?
	if [ "$(printf '%s\n' "$report" | tail -n 1)" = "$last" ] && [ "$got" -eq "$want" ] &&
		case $report in *"$part"*) ;; *) false ;; esac; then
		echo "ok $text"
	else
		echo "not ok $text"
		echo "# wanted status $want, '$part', last line: $last"
		printf 'status %s\n%s\n' "$got" "$report" | sed 's/^/# /'
	fi
}

# results: of all so far, in their order.
results() {
	wait
	for n in $(seq "$number"); do
		cat "$tmp/result.$n"
	done
}

# expect_gone NAME FILE: the process whose number is in the file is not there any more.
expect_gone() {
	number=$((number + 1))
	if [ -s "$tmp/$2" ] && ! kill -0 "$(cat "$tmp/$2")" 2>/dev/null; then
		echo "ok $number - $1"
	else
		echo "not ok $number - $1"
	fi
}

fake good <<'EOM'
echo 1..2; echo 'ok 1 - a'; echo 'ok 2 - b'
EOM
fake failing <<'EOM'
echo 1..3; echo 'ok 1 - a'; echo 'not ok 2 - b is wrong'; echo '# it was 7'; echo 'ok 3 - c'
echo 'a word on stderr' >&2; exit 1
EOM
fake crashing <<'EOM'
echo 1..3; echo 'ok 1 - a'; kill -SEGV $$
EOM
fake hanging <<'EOM'
echo 1..2; echo 'ok 1 - a'; exec sleep 30
EOM
fake spinning <<'EOM'
echo 1..2; echo 'ok 1 - a'; sh -c 'echo $$ >spinner; while :; do :; done'; echo 'ok 2 - b'
EOM
fake stubborn <<'EOM'
trap '' TERM; echo 1..1; kill -STOP $$; while :; do sleep 1; done
EOM
fake slow <<'EOM'
echo 1..6; for i in 1 2 3 4 5 6; do sleep 1; echo "ok $i"; done
EOM
fake rare <<'EOM'
echo 1..1; i=0
while [ $i -lt 60 ]; do
	sleep 0.1; i=$((i + 1)); j=0
	while [ $j -lt 3000 ]; do j=$((j + 1)); done
done
echo 'ok 1'
EOM
fake interrupted <<'EOM'
echo 1..1; kill -INT $$; echo 'ok 1 - interrupts are ignored'
EOM
fake endless <<'EOM'
echo 1..1; while :; do head -c 9000000 /dev/zero; sleep 0.2; done
EOM
fake planless <<'EOM'
echo 'ok 1 - a'
EOM
fake silent <<'EOM'
exit 0
EOM
fake short <<'EOM'
echo 1..3; echo 'ok 1 - a'
EOM
fake long <<'EOM'
echo 1..1; echo 'ok 1 - a'; echo 'ok 2 - b'
EOM
fake lying <<'EOM'
echo 1..1; echo 'ok 1 - a'; exit 3
EOM
fake bailing <<'EOM'
echo 1..2; echo 'ok 1 - a'; echo 'Bail out! the disk is gone'
EOM
fake skipping <<'EOM'
echo 1..3; echo 'ok 1 - a'; echo 'ok 2 - b # SKIP no /dev/kvm'
echo 'not ok 3 # SKIP as cmocka says it'
EOM
fake explaining <<'EOM'
echo 1..3; echo '# of the first'; echo 'ok 1 - a'; echo 'not ok 2 # SKIP b'
echo '# no /dev/net/tun'; echo 'not ok 3 # SKIP c'
EOM
fake absent <<'EOM'
echo '1..0 # SKIP needs root'
EOM
fake groups <<'EOM'
echo 1..1; echo 'ok 1 - a'; echo 1..2; echo 'ok 1 - b'; echo 'ok 2 - c'
EOM
fake noisy <<'EOM'
echo 1..1; echo 'okay, here we go'; echo 'not okay'; echo 'ok 1 - a'
EOM
fake script.sh <<'EOM'
echo 1..1; echo 'ok 1 - a'
EOM
chmod -x "$tmp/script.sh"
fake emulator <<'EOM'
echo '# emulated'; exec "$@"
EOM

# A suite of guests, whose reasons are what some file has in it. The guest's last line has no end.
fake showing <<EOM
HUSK=true . "$(dirname "$run")/machine/lib.sh"
printf half >"\$T/out"
: >"\$T/said"
report 'of a file' "\$(false || show "\$T/said")"
report 'of none' "\$(false || show "\$T/none")"
echo words >"\$T/said"
report 'of words' "\$(true || show "\$T/said")"
finish
EOM
# All suites: what they show must not be what "cat" may find empty.
fake shown <<EOM
echo 1..1
cd "$(dirname "$run")" || exit 1
if grep -n '|| *\(cat\|head\|tail\) [^|]*"\$T' machine/test_*.sh vmm/test_*.sh bench/test_*.sh | grep -v '<<'; then
	echo 'not ok 1 - a reason may be empty'
else
	echo 'ok 1 - each reason is one'
fi
EOM

echo 1..33
expect 'passed tests are counted' '2 passed, 0 failed, 0 skipped' 0 'good (2)' ./good
expect 'a failing test is counted and named' \
	'2 passed, 1 failed, 0 skipped' 1 'not ok 2 - b is wrong' ./failing
expect 'the diagnostics of a failing test are shown' \
	'2 passed, 1 failed, 0 skipped' 1 '# it was 7' ./failing
expect 'stderr of a failing program is shown' \
	'2 passed, 1 failed, 0 skipped' 1 'a word on stderr' ./failing
expect 'a crash is a failure' '1 passed, 1 failed, 0 skipped' 1 'ended by signal 11' ./crashing
expect 'a program that hangs is ended and has failed' \
	'1 passed, 1 failed, 0 skipped' 1 'printed nothing and hardly ran for 1 s' -t 1 ./hanging
expect 'what runs and runs without a word is ended too' \
	'1 passed, 1 failed, 0 skipped' 1 'used more than 1 s of processor time' -t 1 ./spinning
expect 'nor does it help to ignore signals' '0 passed, 1 failed, 0 skipped' 1 'hardly ran' -t 1 ./stubborn
expect 'a program that prints has its time' '6 passed, 0 failed, 0 skipped' 0 'slow (6)' -t 3 ./slow
expect 'so has one that does something' '1 passed, 0 failed, 0 skipped' 0 'rare (1)' -t 3 ./rare
expect 'but there is an end to printing' \
	'0 passed, 1 failed, 0 skipped' 1 'more than 33554432' -t 1 ./endless
expect 'an interrupt is not ignored' \
	'0 passed, 1 failed, 0 skipped' 1 'ended by signal 2' ./interrupted
expect 'a limit that is no number is refused' 'run: -t soon: not a number of seconds' 2 '' \
	-t soon ./good
expect 'a missing plan is a failure' '1 passed, 1 failed, 0 skipped' 1 'no plan' ./planless
expect 'silence is a failure' '0 passed, 1 failed, 0 skipped' 1 'no plan' ./silent
expect 'fewer tests than planned are a failure' \
	'1 passed, 1 failed, 0 skipped' 1 'planned 3 tests and ran 1' ./short
expect 'more tests than planned are a failure' \
	'2 passed, 1 failed, 0 skipped' 1 'planned 1 tests and ran 2' ./long
expect 'an exit status without a failed test is a failure' \
	'1 passed, 1 failed, 0 skipped' 1 'exit status 3' ./lying
expect 'bailing out is a failure' '1 passed, 1 failed, 0 skipped' 1 'the disk is gone' ./bailing
expect 'a skipped test is counted with its reason' \
	'1 passed, 0 failed, 2 skipped' 0 'skipped: b: no /dev/kvm' ./skipping
expect 'what cmocka skips is no failure' \
	'1 passed, 0 failed, 2 skipped' 0 'skipped: as cmocka says it' ./skipping
expect 'the reason is what the test said last' \
	'1 passed, 0 failed, 2 skipped' 0 'skipped: c: no /dev/net/tun' ./explaining
expect 'what another test said is no reason' \
	'1 passed, 0 failed, 2 skipped' 0 'skipped: b
' ./explaining
expect 'a program that skips everything counts as one skip' \
	'0 passed, 0 failed, 1 skipped' 0 'skipped: needs root' ./absent
expect 'the plans of several groups add up' '3 passed, 0 failed, 0 skipped' 0 'groups (3)' ./groups
expect 'words that only look like results are not' \
	'1 passed, 0 failed, 0 skipped' 0 'noisy (1)' ./noisy
expect 'a program that is not there has failed' \
	'0 passed, 1 failed, 0 skipped' 1 'exit status 127' ./nowhere
expect 'counts of all programs add up, and one failure is enough' \
	'6 passed, 2 failed, 2 skipped' 1 'FAILED crashing' ./good ./failing ./crashing ./skipping
expect 'scripts need no permission to be run, and no emulator' \
	'1 passed, 0 failed, 0 skipped' 0 'script.sh (1)' -w ./nowhere ./script.sh
expect 'an empty file is a reason, too' '1 passed, 2 failed, 0 skipped' 1 'nothing is in none' ./showing
expect 'all suites have such reasons' '1 passed, 0 failed, 0 skipped' 0 '' ./shown
expect 'a wrapper runs every program' '2 passed, 0 failed, 0 skipped' 0 '# emulated' \
	-v -w ./emulator ./good
results
expect_gone 'what it has started is ended with it' spinner
