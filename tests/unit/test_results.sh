#!/bin/sh
# SPDX-License-Identifier: ISC
# test_results.sh: docs/tested.md has what the logs of scripts/check say, each pair of backend and
# architecture in its column; and scripts/check has every suite run somewhere.
set -u

src=${SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
# shellcheck source=scripts/results.sh
. "$src/scripts/results.sh"
number=0

# same NAME EXPECTED GOT
same() {
	number=$((number + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $number - $1"
	else
		echo "not ok $number - $1"
		printf '%s\n' "wanted: $2" "got: $3" | sed 's/^/# /'
	fi
}

cat >"$tmp/machine" <<'END'
pair: kvm aarch64
  CC    monitor/main.o
machine: aarch64-nvhe: Linux 6.12-arm64 in QEMU, 2 CPUs, 2048 MiB; boots in about 3 s
ok     test_guests.sh (7)
  skipped: web: 5 passed, 0 failed
7 passed, 0 failed, 1 skipped
pair: vmm aarch64
4 passed, 0 failed, 0 skipped
20 passed, 0 failed, 2 skipped
END
cat >"$tmp/freebsd" <<'END'
pair: vmm x86_64
1 passed, 0 failed, 0 skipped
pair: vmm aarch64
1 passed, 0 failed
END
cat >"$tmp/broken" <<'END'
pair: kvm x86_64
cc1: all warnings being treated as errors
END

same "all totals of a log are added up" "31 0 3" "$(counts "$tmp/machine")"
same "or those of a pair" "24 0 2" "$(counts "$tmp/machine" 'vmm aarch64')"
same "what was not tested has none" "" "$(counts "$tmp/machine" 'vmm x86_64')"
same "nor has what did not get that far" "" "$(counts "$tmp/broken")"
same "each pair has its column" "| \`m\` | what | Linux 6.12-arm64 in QEMU | | 7 (1) | | 24 (2) |" \
	"$(tested_row m what 'the host' "$tmp/machine" | tr -s ' ')"
same "what ran in no machine says where" "| \`f\` | it links | the host | | | 1 | 1 |" \
	"$(tested_row f 'it links' 'the host' "$tmp/freebsd" | tr -s ' ')"

{
	tested_row m what 'the host' "$tmp/machine"
	tested_row f 'it links' 'the host' "$tmp/freebsd"
} >"$tmp/rows"
tested "$tmp/rows" >"$tmp/tested.md"
same "the table has a head, and a line for each stage" 4 "$(grep -c '^|.*|$' "$tmp/tested.md")"
same "all lines have as many columns" 8 "$(grep '^|' "$tmp/tested.md" | tr -cd '|\n' | awk '{ print length }' | sort -u)"
same "the head names the pairs" "| stage | what | where | kvm x86_64 | kvm aarch64 | vmm x86_64 | vmm aarch64 |" \
	"$(grep '^| stage' "$tmp/tested.md")"
same "only a complete run is recorded" "check: --record takes all stages" \
	"$("$src/scripts/check" --record clang 2>&1 | tail -n 1)"
# Which suites run where, as scripts/check has it.
sed -n -e '/^every_suite_but()/,/^}/p' -e '/^vmm_first=/,/^for_either=/p' -e '/^machine_tests()/,/^}/p' \
	-e '/^suites()/,/^}/p' "$src/scripts/check" >"$tmp/suites"
# shellcheck source=/dev/null
. "$tmp/suites"
unset HUSK_LONG

# nowhere PLACE...: the suites that run in none of them.
nowhere() {
	every_suite_but | sort >"$tmp/all"
	for place; do
		suites "$place" kvm
	done | sort -u | comm -23 "$tmp/all" - | xargs
}
rest='aarch64-vhe aarch64-16k'
# shellcheck disable=SC2086 # words
same "a host with KVM runs every suite, or a machine does" "" "$(nowhere host x86_64 aarch64-nvhe $rest)"
# shellcheck disable=SC2086
same "without one, machines do but for four" \
	"bench/test_bench machine/test_moments machine/test_traces machine/test_unconfined" \
	"$(nowhere instead beside $rest)"
suites instead kvm | sort >"$tmp/instead"
same "what takes programs of this host runs on its processor" "" "$(cd "$src/tests" &&
	grep -lE 'SOLO5_HVT names no|command -v (curl|socat|strace)' machine/test_*.sh | sed 's/[.]sh$//' | sort |
	comm -23 - "$tmp/instead" | xargs)"
same "gdb has guests and cores to look at there" "machine/test_dumpcore machine/test_gdb_itself" \
	"$(grep -e test_dumpcore -e gdb_itself "$tmp/instead" | xargs)"

echo "1..$number"
