# SPDX-License-Identifier: ISC
# shellcheck shell=sh
# results.sh: what the logs of scripts/check say, and docs/tested.md, which is made of them.
#
# Sourced. In a log, a line "pair: BACKEND ARCHITECTURE" says what the totals after it are of; these
# are as tests/run prints them.

pairs='kvm x86_64,kvm aarch64,vmm x86_64,vmm aarch64'

# counts LOG [PAIR]: "passed failed skipped", all totals in it added up, or those of the pair;
# nothing when there are none.
counts() {
	awk -v pair="${2-}" '
		/^pair: / { now = substr($0, 7) }
		/^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$/ && (pair == "" || pair == now) {
			passed += $1; failed += $3; skipped += $5; totals++
		}
		END { if (totals) print passed, failed, skipped + 0 }' "$1"
}

# cells LOG: of each pair what passed, and what was left out.
cells() {
	echo "$pairs" | tr , '\n' | while read -r pair; do
		# shellcheck disable=SC2046 # three words, or none
		set -- "$1" $(counts "$1" "$pair")
		printf ' %s%s |' "${2-}" "${4:+$([ "$4" -eq 0 ] || echo " ($4)")}"
	done
}

# tested_row STAGE WHAT WHERE LOG: a line of docs/tested.md; of machines the log says where. No times
# and no dates, so that it changes only when something did.
tested_row() {
	machine=$(sed -n 's/^machine: [^ ]*: \(Linux .* in QEMU\),.*/\1/p' "$4" | tail -n 1)
	echo "| \`$1\` | $2 | ${machine:-$3} |$(cells "$4")"
}

# tested ROWS: docs/tested.md, with the lines of that file.
tested() {
	cat <<'END'
# What was tested where

Written by `scripts/check --record` at the end of a complete run in which nothing failed: for each pair of backend and
architecture how many tests passed, and in brackets how many were left out. vmm is FreeBSD's; here it is the stand-in of
tests/vmm/double, on the KVM of the place named. The stage `freebsd` has one test for each architecture: everything
compiles and links.

END
	echo "| stage | what | where |$(echo ",$pairs" | sed 's/,\([^,]*\)/ \1 |/g')"
	echo '|---|---|---|---|---|---|---|'
	cat "$1"
}
