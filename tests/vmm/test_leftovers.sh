#!/bin/sh
# SPDX-License-Identifier: ISC
# test_leftovers.sh: what a husk leaves of its machine under vmm, and who clears it away.
set -u

dir=$(dirname "$0")
# shellcheck source=tests/machine/lib.sh
. "$dir/../machine/lib.sh"

if [ "$BACKEND" != vmm ]; then
	skip_all "machines of $BACKEND end with their process"
fi
export HUSK_VMM_DOUBLE="${HUSK_VMM_DOUBLE:-15-intel}"
keep_machines=yes

# machines NUMBER NAME: so many are there.
machines() {
	there=$(find "$HUSK_VMM_DIR" -type f 2>/dev/null | wc -l)
	reason=
	[ "$there" -eq "$1" ] || reason="$there machines are there"
	report "$2" "$reason"
}

spin() {
	start --mem=8 -- "$(image spin)" compute
	within 10 grep -q READY "$T/out"
}

run --mem=8 -- "$(image exit)"
machines 0 "a guest that ends leaves no machine"
run --mem=8 --no-such-option -- "$(image exit)"
machines 0 "nor does a start that fails"
run --mem=8 --gdb="$T/gdb" -- "$(image exit)"
judge "a debugger, for whom vmm has nothing yet, is refused by name" 1 '--gdb: vmm cannot stop a guest'
machines 0 "and no machine is left"
report "nor a socket" "$(find "$T" -name gdb)"

spin
machines 1 "a guest that runs has one"
kill -TERM "$started"
await 10
machines 0 "a signal that ends it leaves none"

# Those that kill a program which does not know them. The status is what a shell has of such an end.
for signal in ALRM:14 USR2:12 XCPU:24 VTALRM:26 PROF:27; do
	spin
	kill -"${signal%:*}" "$started"
	await 10
	judge "SIG${signal%:*} ends it in order" $((128 + ${signal#*:})) "Exiting on signal ${signal#*:}"
	machines 0 "and leaves none"
done

spin
kill -KILL "$started"
await 10
machines 1 "SIGKILL does"
run --check
judge "--check says so" 0 'processes have left which are gone: 1 destroyed, 0 not'
machines 0 "and destroys it"

spin
kill -KILL "$started"
await 10
run --mem=8 -- "$(image exit)"
judge "so does the next start" 99 'processes have left which are gone: 1 destroyed, 0 not'
machines 0 "and leaves none"
finish
