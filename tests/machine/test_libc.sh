#!/bin/sh
# SPDX-License-Identifier: ISC
# test_libc.sh: what husk-cc --libc links runs: stdio, malloc, time, assert, errno, setjmp, math, and the examples.
set -u

# shellcheck source=tests/machine/lib.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib.sh"
need_guests
need_hypervisor
[ -e "$(image libc)" ] || skip_all "newlib is not here: make libc"

run --mem=8 --stats -- "$(image libc)" --solo5:quiet return two words
judge "a main() with words that returns" 3 SUCCESS 'a line in two pieces' 'at exit, with no newline'
report "stdout and stderr stay in order" "$(sed -n 2p "$T/out" | grep -q 'and one for stderr' || show "$T/out")"
report "a line is one exit" "$(grep '^hypercalls puts ' "$T/err" | grep -v ' [1-6]$')"
run --mem=8 -- "$(image libc)" --solo5:quiet exit
judge "exit(17)" 17 SUCCESS 'at exit'
run --mem=8 -- "$(image libc)" --solo5:quiet assert
judge "an assertion that fails" 255 SUCCESS 'strcmp'
run --mem=8 -- "$(image libc)" --solo5:quiet abort
judge "abort()" 255 SUCCESS
run --mem=2 -- "$(image libc)" --solo5:quiet return
judge "in 2 MiB" 3 SUCCESS
run --mem=2 -- "$(image libc-app)" --solo5:quiet as ever
judge "solo5_app_main" 0 "SUCCESS: 'as ever'"
run --mem=2 -- "$(image example-hello-libc)" --solo5:quiet Alice Bob
judge "hello-libc" 0 '^Hello from a unikernel, Alice, Bob$' "^It is $(date -u +%Y)-"

# calculates EXPRESSION RESULT
calculates() {
	run --mem=2 -- "$(image example-calc)" --solo5:quiet "$1"
	judge "calc '$1'" 0 "^$2\$"
}
if lacks_instructions; then
	skip "examples/calc" "this KVM has no floating point"
else
	calculates '2 ^ 10 + sqrt(2)' '1025[.]41421356237[0-9]*'
	calculates '2^3^2 - 1.5e2/-3' 562
	calculates 'cos(0) + exp(log(5)) * (1 - -1)' 11
	run --mem=2 -- "$(image example-calc)" --solo5:quiet '2 * (3'
	judge "a mistake in an expression" 1 'a bracket is not closed: column'
fi
finish
