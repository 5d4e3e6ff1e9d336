#!/bin/sh
# SPDX-License-Identifier: ISC
# test_docs.sh: documents, completions and --help say the same, and nothing is left over.
set -u

src=${SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
husk=${HUSK:-husk}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
number=0

skip() { number=$((number + 1)); echo "ok $number - $1 # SKIP $2"; }

# result NAME FILE: passes if the file, which says what is wrong, is empty.
result() {
	number=$((number + 1))
	if [ -s "$2" ]; then
		echo "not ok $number - $1"
		sed 's/^/# /' "$2"
	else
		echo "ok $number - $1"
	fi
}

# not_in FILE: the lines of stdin that are not lines of FILE.
not_in() { LC_ALL=C sort -u | LC_ALL=C comm -23 - "$1"; }

# ---- --help: "--name", "--name=VALUE", "--name[=VALUE]" or "--name:NAME=VALUE" on a line ----

# A husk for another machine is left alone; one that should run has to.
runs=yes
[ "${CROSS:-no}" = no ] && command -v "$husk" >/dev/null || runs=
[ -z "$runs" ] || "$husk" --help >"$tmp/help" 2>&1
sed -n 's/^  \(--.*\)$/\1/p' "$tmp/help" 2>/dev/null | LC_ALL=C sort -u >"$tmp/forms"
sed 's/[:=[].*//' "$tmp/forms" | LC_ALL=C sort -u >"$tmp/names"

# Documents are about all modules; a binary may have fewer.
missing_module() {
	for m in "$src"/monitor/*/*.mk; do
		m=$(basename "$m" .mk)
		case " $(sed -n 's/^Compiled-in modules: //p' "$tmp/help") " in
		*" $m "*) ;;
		*) echo "$m" ;;
		esac
	done
}

# compare NAME FILE LIST: the options in FILE are those in LIST.
compare() {
	if [ -z "$runs" ]; then
		skip "$1" "$husk does not run here"
		return
	fi
	not_in "$2" <"$3" | sed 's/$/ is in --help only/' >"$tmp/wrong"
	[ -n "$(missing_module)" ] ||
		not_in "$3" <"$2" | sed 's/$/ is not in --help/' >>"$tmp/wrong"
	[ -s "$tmp/names" ] || echo "--help has no options" >>"$tmp/wrong"
	result "$1" "$tmp/wrong"
}

sed -n 's/^\.It Fl -\([a-z-]*\).*/--\1/p' "$src/docs/husk.1" | LC_ALL=C sort -u >"$tmp/manual"
compare "husk.1 and --help have the same options" "$tmp/manual" "$tmp/names"

# What a fragment says is told of modules that are not compiled in, where nothing else is known.
if [ -z "$runs" ]; then
	skip "the makefile fragments list the options that their modules have" "$husk does not run here"
else
	for fragment in "$src"/monitor/*/*.mk; do
		m=$(basename "$fragment" .mk)
		missing_module | grep -qx "$m" && continue
		sed -e ':more' -e '/\\$/{N;s/\\\n//;b more' -e '}' "$fragment" |
			sed -n "s/^${m}_options := *//p" | tr -s ' \t' '\n\n' | LC_ALL=C sort >"$tmp/listed"
		awk -v title="Options of $m:" '
			/^[^ ]/ { here = $0 == title }
			here && /^  --/ { sub(/^  --/, ""); sub(/[^a-z-].*/, ""); print }' "$tmp/help" |
			LC_ALL=C sort >"$tmp/had"
		diff "$tmp/listed" "$tmp/had" | sed -n "s/^[<>]/$m: only in one of fragment and table:/p"
	done >"$tmp/wrong"
	result "the makefile fragments list the options that their modules have" "$tmp/wrong"
fi

# shellcheck disable=SC2016
sed -n '/^## Options/,/^## [^O]/s/^| \(`--[^|]*\)|.*/\1/p' "$src/README.md" | tr ',' '\n' |
	sed -n 's/^ *`\(--[^`]*\)` *$/\1/p' | LC_ALL=C sort -u >"$tmp/readme"
if [ -s "$tmp/readme" ]; then
	compare "README.md and --help write all options alike" "$tmp/readme" "$tmp/forms"
else
	skip "README.md and --help write all options alike" "it has no table of options"
fi

# ---- completions ----

# The words that complete "husk --".
sed -n 's/\[=\(.*\)\]$/ =\1/; s/:NAME.*/:/; s/=[A-Z]*$/=/; p' "$tmp/forms" |
	awk 'NF == 2 { print $1; print $1 $2; next } { print }' | LC_ALL=C sort -u >"$tmp/words"

# check_completion SHELL FILE SCRIPT: SCRIPT, in SHELL, prints what FILE offers.
check_completion() {
	if ! command -v "$1" >/dev/null; then
		skip "$1 can read its completions" "there is no $1"
		skip "$1 completes all options of --help" "there is no $1"
		return
	fi
	"$1" -n "$2" >"$tmp/wrong" 2>&1
	result "$1 can read its completions" "$tmp/wrong"
	HUSK=$husk COMPLETION=$2 "$1" -c "$3" 2>"$tmp/err" | LC_ALL=C sort -u >"$tmp/offered"
	compare "$1 completes all options of --help" "$tmp/offered" "$tmp/words"
}

# shellcheck disable=SC2016
check_completion bash "$src/docs/completion/husk.bash" '
compopt() { :; }
. "$COMPLETION"
COMP_WORDS=("$HUSK" --) COMP_CWORD=1
_husk
printf "%s\n" "${COMPREPLY[@]}"
COMP_WORDS=("$HUSK" --mem = 64 hello.hvt --) COMP_CWORD=5 COMPREPLY=()
_husk
for word in "${COMPREPLY[@]}"; do echo "$word, which is the guest'"'"'s"; done'

# A completion is "word:what it is for", with the colons of the word escaped.
# shellcheck disable=SC2016
check_completion zsh "$src/docs/completion/_husk" '
_describe() { print -rl -- "${(@P)3}" | sed "s/\\\\:/;/; s/:.*//; s/;/:/" }
_files() { }
complete() { . $COMPLETION }
words=($HUSK --) PREFIX=--
complete'

# values_of SHELL FILE SCRIPT: SCRIPT prints the values that FILE offers for $option; husk is to take each.
values_of() {
	command -v "$1" >/dev/null || return
	for option in --sandbox --huge-pages --stats --inspect; do
		option=$option COMPLETION=$2 "$1" -c "$3" >"$tmp/offered" 2>"$tmp/err"
		[ -s "$tmp/offered" ] || echo "$1: nothing for $option="
		while read -r value; do
			"$husk" "$option=$value" 2>&1 | grep -q 'Missing KERNEL' || echo "$1: $option=$value"
		done <"$tmp/offered"
	done
}

if [ -n "$runs" ]; then
	{
		# shellcheck disable=SC2016
		values_of bash "$src/docs/completion/husk.bash" '
. "$COMPLETION"
COMP_WORDS=(husk "$option" =) COMP_CWORD=2
_husk
printf "%s\n" "${COMPREPLY[@]}"
COMP_WORDS=(husk "$option" = "${COMPREPLY[0]:0:1}") COMP_CWORD=3
_husk
printf "%s\n" "${COMPREPLY[@]}"'
		# shellcheck disable=SC2016
		values_of zsh "$src/docs/completion/_husk" '
compset() { }
compadd() { print -rl -- "$@" }
complete() { . $COMPLETION }
words=(false $option=) PREFIX=$option=
complete'
	} >"$tmp/wrong"
	result "completions offer values that options take" "$tmp/wrong"
else
	skip "completions offer values that options take" "$husk does not run here"
fi

# ---- manual pages ----

if command -v mandoc >/dev/null; then
	# Whether the pages that they refer to are installed is no matter of theirs.
	mandoc -T lint "$src"/docs/*.[1-9] 2>&1 |
		grep -v -e 'referenced manual not found' -e 'mandoc\.db' >"$tmp/wrong"
	result "mandoc finds nothing to say about the manual pages" "$tmp/wrong"
else
	skip "mandoc finds nothing to say about the manual pages" "there is no mandoc"
fi

sed -n 's/^\.Xr \(husk[a-z-]*\) \([1-9]\).*/\1.\2/p' "$src"/docs/*.[1-9] | LC_ALL=C sort -u |
	while read -r page; do
		[ -e "$src/docs/$page" ] || echo "there is no docs/$page"
	done >"$tmp/wrong"
result "the manual pages that others refer to are there" "$tmp/wrong"

# ---- figures of --stats: "tell" is what passes them on; some of their names are in tables ----

(
	cd "$src/monitor" || exit 1
	sed -n 's/.*[^a-z_]\(tell\|add\)(.*"\([a-z_]*\)", [^,"]*);.*/\2/p' ./*.c ./*/*.c
	sed -n '/^const char \*\(hv_exit\|netdev_drop\)_name(/,/^}/p' ./*.c ./*/*.c | grep -o '"[a-z_]*"'
	grep -ho 'HV*[TUSK]*_HYPERCALL_[A-Z_]*, "[a-z_]*"' ./*.c ./*/*.c | sed 's/.*, //'
) | tr -d '"' >"$tmp/figures"
sed -n '/^\.Sh FIGURES/,/^\.Sh FILES/s/^\.It \([a-z].*\)/\1/p' "$src/docs/husk.1" |
	tr ',' '\n' | tr -d ' ' | LC_ALL=C sort -u >"$tmp/explained"
not_in "$tmp/explained" <"$tmp/figures" | sed 's/$/ is a figure, and not in husk.1/' >"$tmp/wrong"
for name in pio walltime system_calls bytes_dropped bytes_read tx_full reattached handovers; do
	grep -qx "$name" "$tmp/figures" || echo "$name is not found in monitor/" >>"$tmp/wrong"
done
result "husk.1 explains every figure of --stats" "$tmp/wrong"

# ---- promises, and links ----

(cd "$src" && grep -o -E '(unit|machine|bench|fuzz)/[a-z][a-z0-9_/]*' README.md SECURITY.md docs/*.md) |
	LC_ALL=C sort -u >"$tmp/tests"
while IFS=: read -r file name; do
	for test in "$src/tests/$name".*; do
		[ ! -e "$test" ] || continue 2
	done
	echo "$file: there is no tests/$name"
done <"$tmp/tests" >"$tmp/wrong"
for file in README.md docs/abi.md; do
	grep -q "^$file:" "$tmp/tests" || echo "$file names no test at all" >>"$tmp/wrong"
done
result "every test that the documents name is there" "$tmp/wrong"

for file in README.md CONTRIBUTING.md SECURITY.md docs/abi.md docs/architecture.md docs/debugging.md docs/embedding.md \
	docs/releasing.md docs/tested.md; do
	grep -o '](\([^):#]*\))' "$src/$file" | sed 's/^](//; s/)$//' | while read -r link; do
		[ -e "$src/$(dirname "$file")/$link" ] || echo "$file: there is no $link"
	done
done >"$tmp/wrong"
result "what the documents link to is there" "$tmp/wrong"

# ---- lines of the page on embedding that the examples have too ----

lines() {
	sed -n "/^## From $1/,/^## From [^$1]/s/^    *//p" "$src/docs/embedding.md" | grep -v '^[-*]' | sed 's/^ *//'
}
for example in OCaml:hello.ml:husk_stubs.c Go:hello.go; do
	lines "${example%%:*}" | while IFS= read -r line; do
		(cd "$src/examples/embed" && echo "${example#*:}" | tr : '\n' | xargs grep -q -F -e "$line") ||
			echo "${example#*:} has no: $line"
	done
done >"$tmp/wrong"
[ "$(lines OCaml | wc -l)" -gt 3 ] && [ "$(lines Go | wc -l)" -gt 3 ] || echo "the page has no lines" >>"$tmp/wrong"
result "the lines in OCaml and Go on the page are the examples' own" "$tmp/wrong"

# ---- versions, and the stages that others' CI runs ----

version=$(cat "$src/VERSION")
{
	grep -q "^## $version\>" "$src/CHANGES.md" || echo "CHANGES.md does not begin with $version"
	[ ! -e "$src/debian/changelog" ] || head -n 1 "$src/debian/changelog" | grep -q "^husk ($version-[0-9]" ||
		echo "debian/changelog does not begin with $version"
} >"$tmp/wrong"
result "VERSION is that of the changelogs" "$tmp/wrong"

if [ -e "$src/debian/libhusk0.symbols" ]; then
	sed -n 's/^	\(husk_[a-z_]*\);$/\1@HUSK_0/p' "$src/monitor/libhusk.map" | LC_ALL=C sort >"$tmp/functions"
	sed -n 's/^ \(husk_[^ ]*\) [0-9.]*$/\1/p' "$src/debian/libhusk0.symbols" | LC_ALL=C sort |
		diff "$tmp/functions" - >"$tmp/wrong"
	[ -s "$tmp/functions" ] || echo "monitor/libhusk.map has no function" >>"$tmp/wrong"
	result "debian/libhusk0.symbols has the functions of libhusk.map" "$tmp/wrong"
fi

if [ -e "$src/.github/workflows/check.yml" ]; then
	"$src/scripts/check" --list | sed -n 's/^ *\([a-z][A-Za-z0-9_-]*\)[: ].*/\1/p' | grep -v -x quick |
		LC_ALL=C sort >"$tmp/stages"
	sed -n '/stage: \[/,/\]/p' "$src/.github/workflows/check.yml" | sed 's/.*\[//; s/\].*//' | tr -d ' ' | tr ',' '\n' |
		grep . | LC_ALL=C sort | diff "$tmp/stages" - >"$tmp/wrong"
	result "the CI file has all stages of scripts/check" "$tmp/wrong"
fi

# ---- the unit for systemd, whose verify warns and succeeds ----

unit="the unit of docs/ has nothing that systemd does not know"
if command -v systemd-analyze >/dev/null; then
	sed "s|/usr/local/bin/husk|$(command -v true)|" "$src/docs/husk@.service" >"$tmp/husk@test.service"
	SYSTEMD_LOG_LEVEL=warning systemd-analyze verify --man=no "$tmp/husk@test.service" 2>&1 |
		grep 'husk@test' >"$tmp/wrong"	# and not of this host's own units
	result "$unit" "$tmp/wrong"
else
	skip "$unit" "there is no systemd-analyze"
fi
for word in $(grep -o -e '--[a-z][a-z-]*' "$src/docs/husk@.service" | LC_ALL=C sort -u); do
	[ -z "$runs" ] || grep -qx -e "$word" "$tmp/names" || echo "$word: husk has no such option"
done >"$tmp/options"
# Those of the guest in the example are not husk's.
grep -v '^--ipv' "$tmp/options" >"$tmp/wrong"
result "and no option that husk does not have" "$tmp/wrong"

# ---- nothing that is only of interest to who wrote it; in brackets, so as not to find itself ----

places='(^|[^A-Za-z0-9_./}-])(/wor[k]|/tmp/hus[k])(/|[^A-Za-z0-9_.-]|$)|\.\./share[d]/'
grep -rnIE --exclude-dir=.git --exclude-dir=build --exclude-dir=corpus \
	-e "$places" -e 'TOD[O]' -e 'FIXM[E]' "$src" >"$tmp/wrong"
result "no file names a place on a developer's machine, or work to be done" "$tmp/wrong"

echo "1..$number"
