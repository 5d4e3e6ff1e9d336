#!/bin/sh
# SPDX-License-Identifier: ISC
# test_library_names.sh: what the library that was built shows: the functions of husk.h, and nothing else.
#
# A program that embeds it may use any other name itself. Reads files alone, so those of other machines too.
set -u

src=${SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
number=0

# result NAME FILE: good if the file is empty; shown otherwise.
result() {
	number=$((number + 1))
	if [ -s "$2" ]; then
		echo "not ok $number - $1"
		sed 's/^/# /' "$2"
	else
		echo "ok $number - $1"
	fi
}

skip() {
	number=$((number + 1))
	echo "ok $number - $1 # SKIP $2"
}

# same NAME FILE: it has the names of husk.h, a line each.
same() {
	LC_ALL=C sort "$2" | diff "$tmp/functions" - | sed -n 's/^</missing:/p; s/^>/too much:/p' >"$tmp/wrong"
	result "$1" "$tmp/wrong"
}

sed -n '/^typedef/d; s/^[a-z].*[ *]\(husk_[a-z_]*\)(.*/\1/p' "$src/include/husk/husk.h" | LC_ALL=C sort >"$tmp/functions"
[ "$(wc -l <"$tmp/functions")" -gt 20 ] || echo "husk.h has hardly a function" >"$tmp/few"
[ -e "$tmp/few" ] || : >"$tmp/few"
result "husk.h declares functions" "$tmp/few"

sed -n 's/^\.Nm \(husk_[a-z_]*\).*/\1/p' "$src/docs/husk.3" >"$tmp/names"
same "husk(3) has those functions" "$tmp/names"

sed -n 's/^\t\(husk_[a-z_]*\);/\1/p' "$src/monitor/libhusk.map" >"$tmp/names"
same "and the version script" "$tmp/names"

# Those that are defined in some section and can be seen from elsewhere.
readelf -sW "${BUILD:-}/libhusk.a" 2>/dev/null |
	awk '($5 == "GLOBAL" || $5 == "WEAK") && $7 ~ /^[0-9]+$|COM/ { print $8 }' >"$tmp/names"
same "of the archive's names these alone are global" "$tmp/names"

so=$(echo "${BUILD:-}"/libhusk.so.*.*)
if [ ! -e "$so" ]; then
	skip "libhusk.so" "it is not built here"
else
	readelf --dyn-syms -W "$so" >"$tmp/symbols" && readelf -hdW "$so" >"$tmp/file"
	awk '($5 == "GLOBAL" || $5 == "WEAK") && $7 ~ /^[0-9]+$/ { print $4, $8 }' "$tmp/symbols" |
		sed -n 's/^FUNC \(.*\)@@HUSK_0$/\1/; s/^FUNC //; p' >"$tmp/names"
	same "libhusk.so shows them, with their version, and nothing else" "$tmp/names"
	{
		grep -q "SONAME.*\[libhusk.so.0\]" "$tmp/file" || echo "it has no soname, or another"
		grep TEXTREL "$tmp/file"
		case ${ARCH:-}:$(grep Machine: "$tmp/file") in
		x86_64:*X86-64 | aarch64:*AArch64 | :*) ;;
		*) echo "it is for another machine: $(grep Machine: "$tmp/file")" ;;
		esac
	} >"$tmp/wrong"
	result "its name, its machine, and no code that is changed when it is loaded" "$tmp/wrong"
fi
echo "1..$number"
