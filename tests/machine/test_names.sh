#!/bin/sh
# SPDX-License-Identifier: ISC
# test_names.sh: names of OCaml are readable in all that tells where a guest was.
#
# There is no OCaml here: the guest is in C, its symbols are called and its frames are chained as those of
# OCaml's compiler with frame pointers.
set -u

# shellcheck source=tests/machine/lib.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib.sh"
need_guests
need_hypervisor

"$HUSK" --help | grep -q -e --profile || skip_all "there is no module profile"
run --mem=8 --profile="$T/out.folded" -- "$(image names)" --solo5:quiet
judge "an exception names the function as in its source" 255 'an exception at .*: in Dune[.]exe[.]Tcp[.]input+0x'
report "so does a profile, and its caller" "$(
	grep -q ';Dune[.]exe[.]Main[.]entry;Dune[.]exe[.]Tcp[.]input' "$T/out.folded" || show "$T/out.folded" | head -n 5)"
report "and nothing is called otherwise" "$(grep caml "$T/out.folded" "$T/err")"
finish
