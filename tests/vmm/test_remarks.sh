#!/bin/sh
# SPDX-License-Identifier: ISC
# test_remarks.sh: what husk says of the host by itself, at the start of a guest and with --check.
set -u

dir=$(dirname "$0")
# shellcheck source=tests/machine/lib.sh
. "$dir/../machine/lib.sh"

if [ "$BACKEND" != vmm ]; then
	skip_all "$BACKEND offsets and scales the counter, and filters processor features by husk's list"
fi
kernel=${HUSK_VMM_DOUBLE:-15-intel}
flaw="the host's TSC is not invariant: guests' clocks may drift"
keep_machines=yes

# told NAME TIMES: so often the last run has said it.
told() {
	times=$(cat "$T/out" "$T/err" | grep -c -e "$flaw")
	report "$1" "$([ "$times" -eq "$2" ] || echo "it is said $times times")"
}

run --check
judge "--check says whose choice the processor features are" 0 '^ok   guests see all processor features that'
told "a counter that is invariant is not worth a word, with --check" 0
run --mem=8 -- "$(image hello)" --solo5:quiet Hello_Solo5
succeeds "a guest runs"
report "and nothing is said at its start" "$(cat "$T/err")"

if [ "$ARCH" = aarch64 ]; then
	skip "a counter that is not invariant" "the architecture has none"
	finish
fi
export HUSK_VMM_DOUBLE="$kernel-drift"
run --check
judge "--check says that a counter is not invariant" 0 "^ok   $flaw"
told "once" 1
run --mem=8 -- "$(image hello)" --solo5:quiet Hello_Solo5
succeeds "a guest runs all the same"
judge "and is told of at its start" 0 "^husk: $flaw"
told "once" 1

start --mem=8 -- "$(image spin)" compute
within 10 grep -q READY "$T/out"
kill -KILL "$started"
await 10
run --mem=8 -- "$(image exit)"
judge "beside what another has left" 99 'processes have left which are gone: 1 destroyed, 0 not' "$flaw"
finish
