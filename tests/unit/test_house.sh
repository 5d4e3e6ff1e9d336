#!/bin/sh
# SPDX-License-Identifier: ISC
# test_house.sh: includes go down or stay on their floor, no module knows another, and nobody a backend's words.
#
# The floors are those of docs/architecture.md; a file that is on none of them fails.
set -u
src=${SRC:?}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
number=0

# result NAME FILE: passes if the file is empty, and shows it otherwise.
result() {
	number=$((number + 1))
	if [ -s "$2" ]; then
		echo "not ok $number - $1"
		sed 's/^/# /' "$2"
	else
		echo "ok $number - $1"
	fi
}

# Lines "floor pattern", from the rows of the table.
sed -n '/^## The house/,/^## A launch/s/^| \([0-9]\) [a-z]* |.*| \([^|]*\) |$/\1 \2/p' "$src/docs/architecture.md" |
	while read -r floor patterns; do
		printf '%s\n' "$patterns" | tr ' ' '\n' | sed "s/^/$floor /"
	done >"$tmp/floors"

# find_floor FILE: its floor, as $best, "?" for none. FILE is relative to monitor/.
find_floor() {
	case $1 in
	*/*) name='*/' ;;
	*) name=${1%.[ch]} ;;
	esac
	best=? length=0
	while read -r floor pattern; do
		# shellcheck disable=SC2254
		case $name in
		$pattern) [ ${#pattern} -le $length ] || best=$floor length=${#pattern} ;;
		esac
	done <"$tmp/floors"
}

(cd "$src/monitor" && ls ./*.[ch] ./*/*.[ch]) | sed 's|^\./||' | while read -r file; do
	find_floor "$file"
	echo "$file $best"
done >"$tmp/files"

grep ' ?$' "$tmp/files" | sed 's/ ?$/ is on no floor/' >"$tmp/wrong"
[ "$(wc -l <"$tmp/floors")" -gt 20 ] || echo "docs/architecture.md has no table of floors" >>"$tmp/wrong"
result "every file of the monitor is on a floor of docs/architecture.md" "$tmp/wrong"

# Lines "includer included", both relative to monitor/.
# shellcheck disable=SC2046 # names
(cd "$src/monitor" && awk 'NR == FNR { floor[$1] = $2; next }
	/^#include "/ { split($0, part, "\""); print FILENAME, floor[FILENAME], part[2] }' \
	"$tmp/files" $(cut -d ' ' -f 1 "$tmp/files")) | while read -r file floor header; do
	case $file in */*) folder=${file%/*}/ ;; *) folder= ;; esac
	case $header in
	*include/*) continue ;;
	esac
	if [ -e "$src/monitor/$folder$header" ]; then
		echo "$file $floor $folder$header"
	else
		echo "$file $floor $header"
	fi
done >"$tmp/includes"

awk 'NR == FNR { floor[$1] = $2; next }
	!($3 in floor) { print $1 " includes " $3 ", which is not in monitor/"; next }
	floor[$3] > $2 { print $1 ", floor " $2 ", includes " $3 ", floor " floor[$3] }' \
	"$tmp/files" "$tmp/includes" >"$tmp/wrong"
[ "$(wc -l <"$tmp/includes")" -gt 100 ] || echo "too few includes are seen" >>"$tmp/wrong"
result "no file includes one of a floor above" "$tmp/wrong"

awk '{ split($1, a, "/"); n = split($3, b, "/") }
	n > 1 && a[1] != b[1] { print $1 " includes " $3 }' "$tmp/includes" >"$tmp/wrong"
result "nobody but a module itself includes its headers" "$tmp/wrong"

(cd "$src" && grep -n '^[[:space:]]*#[[:space:]]*\(if\|ifdef\|ifndef\|elif\)' monitor/*.c monitor/*/*.c) >"$tmp/wrong"
result "no source of the monitor has a conditional" "$tmp/wrong"

# A backend's words are in files that have its name. Besides, a document may be one of KVM's, the group of a
# device be named to users, and rules_linux.c of gdb/ has the requests of a debugged vcpu: no filter is made
# but for KVM.
(cd "$src/monitor" && find . -type f ! -name '*kvm*' ! -path ./gdb/rules_linux.c -exec grep -ni kvm {} + |
	grep -v -e ' Linux virt/kvm/[a-z0-9/]*[.]rst' -e 'chgrp kvm '
find . -type f ! -name '*vmm*' -exec grep -niE 'vmm|bhyve' {} +) | sed 's|^\./||' >"$tmp/wrong"
result "a backend's words are in its own files" "$tmp/wrong"

# lacking LINES PATTERN FILE...: the files whose first lines do not have it; @ stands for the file's own name.
lacking() {
	lines=$1 pattern=$2
	shift 2
	awk -v lines="$lines" -v pattern="$pattern" 'function tell() { if (name != "" && !found) print name }
		FNR == 1 { tell(); name = own = FILENAME; sub(/.*\//, "", own)
			wanted = pattern; sub(/@/, own, wanted); found = 0 }
		FNR <= lines && index($0, wanted) { found = 1 }
		END { tell() }' "$@"
}

(cd "$src" && set -- monitor/*.[ch] monitor/*/*.[ch] && lacking 4 '@: ' "$@") >"$tmp/wrong"
result "every file opens by saying what it is for" "$tmp/wrong"

# What no compiler, shell or make reads has no comments: corpora, manifests, facts.
# shellcheck disable=SC2046 # names
(cd "$src" && lacking 2 'SPDX-License-Identifier: ISC' $(find . \( -name .git -o -name build -o -name corpus \) -prune \
	-o -type f \( -name '*.[chS]' -o -name '*.sh' -o -name '*.mk' -o -name '*.lds' -o -name '*.sh.in' \
	-o -path './scripts/*' -o -name GNUmakefile \) -print)) >"$tmp/wrong"
result "every source names its licence" "$tmp/wrong"

(cd "$src" && wc -l monitor/hv_*.c | awk '$2 != "total" && $1 > 400') >"$tmp/wrong"
result "no file of a backend is longer than 400 lines" "$tmp/wrong"

echo "1..$number"
