#!/bin/sh
# SPDX-License-Identifier: ISC
# test_library.sh: programs that embed libhusk: the examples, and checks of what husk.h promises.
set -u

# shellcheck source=tests/machine/lib.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib.sh"
need_guests
need_hypervisor

embed=$BUILD/obj/examples/embed
checks=$BUILD/obj/tests/machine/embed/checks
[ -x "$checks" ] || skip_all "there are no programs that embed the library"

# say NAME COMMAND...: it succeeds; what it prints stays in $T/out and $T/err.
say() {
	name=$1
	shift
	timeout -s KILL "$LIMIT" "$@" >"$T/out" 2>"$T/err" </dev/null
	status=$?
	report "$name" "$([ $status -eq 0 ] || echo "status $status")"
}

timeout -s KILL "$LIMIT" "$checks" "$GUESTS" >"$T/checks" 2>"$T/err" </dev/null
[ $? -le 1 ] || not_ok "the checks come to their end" "$(tail -n 1 "$T/checks")"
while IFS= read -r line; do
	case $line in
	ok*) ok "${line#ok * - }" ;;
	not*) not_ok "${line#not ok * - }" "see below" ;;
	'#'*) echo "$line" ;;
	esac
done <"$T/checks"

say "examples/embed/test_ping: a run by a script is the same twice" "$embed/test_ping" "$(image example-ping)"
say "examples/embed/hello runs a guest" "$embed/hello" "$(image hello)" Hello_Solo5
report "and gives its console on" "$(grep -q 'The guest was told "Hello_Solo5"' "$T/out" || show "$T/out")"

# 10000 with HUSK_LONG=1, and fewer where machines are emulated.
requests=200
[ "${ARCH:-}" = x86_64 ] || requests=40
[ -z "${HUSK_LONG-}" ] || requests=10000 LIMIT=7000
# What a sanitizer keeps of the past is its own.
most=400
! grep -q "^SANITIZE := -" "$BUILD/config.mk" 2>/dev/null || most=100000 requests=40
say "examples/embed/requests: a machine per request, in two threads" \
	"$embed/requests" "$(image hello)" 2 "$requests"
report "and nothing grows with their number" "$(awk -v most=$most '{
	if ($6 > most) print "memory grew by " $6 " KiB"
	if ($NF > 0) print "descriptors grew by " $NF }' "$T/out")"

# What "make install" would leave, without it.
pc_write() {
	mkdir -p "$T/pc"
	printf '%s\n' 'Name: libhusk' 'Description: as it was built' "Version: $(cat "$SRC/VERSION")" \
		"Cflags: -I$SRC/include/husk" "Libs: -L$BUILD -lhusk" >"$T/pc/libhusk.pc"
}

# As the examples' first lines say.
ocaml_build() {
	ocamlfind ocamlopt -thread -package threads.posix -linkpkg \
		-ccopt "$(pkg-config --cflags libhusk) -Wall -Werror" -o hello husk_stubs.c hello.ml \
		-cclib "$(pkg-config --libs libhusk)"
}

go_build() {
	GOCACHE=${GOCACHE:-$T/gocache} GO111MODULE=off go build hello.go
}

# in_language NAME COMPILER BUILD FILE...: the example in another language, where that is there.
in_language() {
	name=$1 compiler=$2 build=$3
	shift 3
	if ! command -v "$compiler" >/dev/null || ! command -v pkg-config >/dev/null ||
		[ ! -e "$BUILD/libhusk.so" ] || [ "${CROSS:-no}" = yes ]; then
		skip "$name runs a guest" "no $compiler, no pkg-config, or no libhusk.so"
		return
	fi
	pc_write
	mkdir "$T/language"
	for file; do cp "$SRC/examples/embed/$file" "$T/language"; done
	(cd "$T/language" && export PKG_CONFIG_PATH="$T/pc" && "$build") >"$T/out" 2>&1
	report "$name is built" "$([ -x "$T/language/hello" ] || show "$T/out")"
	say "and runs a guest" env LD_LIBRARY_PATH="$BUILD" "$T/language/hello" "$(image hello)" Hello_Solo5
	report "and has its console" "$(grep -q 'The guest was told "Hello_Solo5"' "$T/out" || show "$T/out")"
	LD_LIBRARY_PATH=$BUILD timeout -s KILL "$LIMIT" "$T/language/hello" "$T/none" >"$T/out" 2>"$T/err"
	report "and says why there is none" "$(grep -q 'none: Could not open' "$T/err" || show "$T/err")"
	rm -rf "$T/language"
}

in_language examples/embed/hello.ml ocamlfind ocaml_build hello.ml husk_stubs.c
in_language examples/embed/hello.go go go_build hello.go
for so in "$BUILD"/libhusk.so.*.*; do
	if ! command -v python3 >/dev/null || [ ! -e "$so" ] || [ "${CROSS:-no}" = yes ]; then
		skip "examples/embed/hello.py runs a guest by ctypes" "no python3, or no libhusk.so"
		continue
	fi
	LIBHUSK=$so say "examples/embed/hello.py runs a guest by ctypes" \
		python3 "$SRC/examples/embed/hello.py" "$(image hello)" Hello_Solo5
	report "and has its console" "$(grep -q 'The guest was told "Hello_Solo5"' "$T/out" || show "$T/out")"
done
finish
