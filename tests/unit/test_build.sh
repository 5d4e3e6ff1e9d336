#!/bin/sh
# SPDX-License-Identifier: ISC
# test_build.sh: configure.sh and make: where they write, what comes out, what they refuse.
#
# Builds from a copy of the source, with the tools of the build in $BUILD, and compares the two. Where that one is
# configured otherwise, or is not there, it builds once more, from a copy in another place.
set -u

src=${SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES RUN_WITH
unset CC AR CFLAGS CPPFLAGS LDFLAGS PKG_CONFIG
tmp=$(mktemp -d) || exit 1
tmp=$(cd "$tmp" && pwd -P)
trap 'chmod -R u+w "$tmp"; rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
number=0

ok() { number=$((number + 1)); echo "ok $number - $1"; }
skip() { number=$((number + 1)); echo "ok $number - $1 # SKIP $2"; }
not_ok() {
	number=$((number + 1))
	echo "not ok $number - $1"
	sed 's/^/# /' "$tmp/log"
}

# check NAME COMMAND...: the command succeeds; what it prints is shown if not.
check() {
	name=$1
	shift
	if "$@" >"$tmp/log" 2>&1; then ok "$name"; else not_ok "$name"; fi
}

# The value that the build under test was configured with.
value() {
	sed -n "s/^$1 := //p" "${BUILD:-}/config.mk" 2>/dev/null | sed 's/\$\$/$/g; s/\\#/#/g'
}

# The tools of the build under test; without one, those that configure.sh finds.
use_tools() {
	for tool in MONITOR_CC MONITOR_AR MONITOR_CFLAGS MONITOR_LDFLAGS BUILD_CC \
		GUEST_CC GUEST_LD GUEST_OBJCOPY; do
		tool_value=$(value "$tool")
		[ -z "$tool_value" ] || export "$tool=$tool_value"
	done
}

copy_source() {
	mkdir -p "$1"
	(cd "$src" && tar -cf - VERSION GNUmakefile configure.sh include monitor bindings docs \
		examples scripts tests) | tar -xf - -C "$1"
}

# Every file of a tree with its content's sum.
listing() { (cd "$1" && find . -type f -exec cksum {} + | LC_ALL=C sort -k 3); }

# By way of a symbolic link, which is easily taken for the directory's name.
readonly_build() {
	mkdir -p "$tmp/out" && ln -s "$tmp" "$tmp/way" && cd "$tmp/way/out" &&
		"$tmp/one/configure.sh" && make -j 2
}

# Configured in the source root, under a path of another length.
rooted_build() {
	cd "$tmp/another/place" && ./configure.sh && make obj/monitor/error.o
}

# What may differ between two builds whose products are to be the same.
settings() { grep -v -e '^SRC := ' -e '^WERROR := ' "$1/config.mk"; }

# The build to compare with, as $twin. Nothing is made in that of somebody else.
find_twin() {
	[ ! -e "${BUILD:-}/config.mk" ] || settings "$BUILD" >"$tmp/theirs"
	settings "$tmp/out" >"$tmp/ours"
	make -C "$tmp/out" -j 2 so || return
	if cmp -s "$tmp/ours" "$tmp/theirs" && [ -e "$BUILD/libhusk.so" ]; then
		twin=$(cd "$BUILD" && pwd -P)
	else
		twin=$rooted
		make -C "$twin" -j 2 all so
	fi
}

only_build_directory() {
	(cd "$tmp/another/place" && ls -A) >"$tmp/names"
	printf '%s\n' GNUmakefile VERSION bindings build configure.sh docs examples include monitor scripts tests |
		LC_ALL=C sort | diff - "$tmp/names"
}

# Nothing is left to do, so nothing is said.
quiet_make() {
	make -C "$tmp/out" --no-print-directory >"$tmp/said" 2>&1 || return
	cat "$tmp/said"
	[ ! -s "$tmp/said" ]
}

# A compiler that is newer than all of ours has warnings of its own.
warnings_only() {
	make -C "$tmp/out" --no-print-directory -B -n V=1 all >"$tmp/said" 2>&1
	grep -q -e ' -Wall ' "$tmp/said" && ! grep -e -Werror "$tmp/said" && mkdir -p "$tmp/strict" &&
		cd "$tmp/strict" && "$configure" --werror && make -B -n V=1 all >"$tmp/said" 2>&1 &&
		grep -q -e ' -Wall .*-Werror ' "$tmp/said"
}

header_rebuilds() {
	touch "$tmp/another/place/monitor/error.h"
	make -C "$rooted" --no-print-directory -n | grep ' -o obj/monitor/error\.o '
}

same() { cmp "$tmp/out/$1" "$twin/$1"; }

no_path_inside() { ! grep -c -e "$tmp" "$tmp/out/$1"; }

static_pie() {
	readelf -hdlW "$tmp/out/husk" >"$tmp/elf" || return
	grep -q 'Type: *DYN' "$tmp/elf" && ! grep -e NEEDED -e INTERP "$tmp/elf"
}

relocations_closed() {
	grep -q GNU_RELRO "$tmp/elf" && grep -q -e BIND_NOW -e 'Flags: .*NOW' "$tmp/elf"
}

# Where linker and C library can.
relocations_packed() {
	case $(sed -n 's/^LINKER := //p' "$tmp/out/config.mk") in
	*pack-relative-relocs*) readelf -dW "$tmp/out/husk" | grep RELRSZ ;;
	esac
}

stack_not_executable() {
	awk '$1 == "GNU_STACK" { found = 1; print; bad = /RWE/ } END { exit !found || bad }' "$tmp/elf"
}

no_segment_is_writable_and_executable() {
	grep LOAD "$tmp/elf" >"$tmp/loads" && ! grep RWE "$tmp/loads"
}

no_build_id() {
	readelf -SW "$tmp/out/husk" >"$tmp/sections" && ! grep build-id "$tmp/sections"
}

# What a fortified build calls otherwise cannot be replaced by name.
tests_not_fortified() {
	set -- "$BUILD/obj/libtestutil.a"
	[ ! -d "$BUILD/obj/plain" ] || set -- "$@" "$BUILD/obj/plain/libmonitor.a"
	grep -a -o -h -E '__[a-z]+_chk|__open(at)?(64)?_2' "$@" | sort -u | grep -v __stack_chk >"$tmp/names"
	cat "$tmp/names"
	[ ! -s "$tmp/names" ]
}

# Replays of fuzzers share files with unit tests, some of which take cmocka.
replays_alone() {
	set --
	for fuzz in "$src"/tests/fuzz/fuzz_*.c; do
		fuzzer=$(basename "$fuzz" .c)
		[ "$fuzzer" = fuzz_manifest_json ] ||
			set -- "$@" "obj/tests/fuzz/replay_${fuzzer#fuzz_}"
	done
	make -C "$tmp/out" -j 2 CMOCKA= "$@"
}

# smaller PROGRAM BYTES: without symbols
smaller() {
	${GUEST_OBJCOPY:-objcopy} --strip-all "$1" "$tmp/stripped" &&
		size=$(wc -c <"$tmp/stripped") && echo "$size bytes" && [ "$size" -lt "$2" ]
}

# variant MODULES: its program alone, where all objects are there already.
variant() {
	rm -rf "$tmp/variant"
	cp -a "$tmp/out" "$tmp/variant" && rm -f "$tmp/variant/obj/modules.gen.c" &&
		make -C "$tmp/variant" MODULES="$1" husk
}

devices_alone() {
	variant 'block net vsock' && smaller "$tmp/variant/husk" 1153433
}

# A module that was asked for and is not there must not be left out in silence.
missing_module() {
	! variant nonesuch >"$tmp/said" 2>&1
	cat "$tmp/said"
	grep -q 'undefined.*module_nonesuch' "$tmp/said"
}

# links LANGUAGE FLAG...: a program with names like the library's own, by what was installed. Where it can
# run, it does.
links() {
	language=$1
	shift
	cat >"$tmp/embed.c" <<'EOM'
#include <husk.h>
#include <error.h>
#include <string.h>
int modules = 5, core_run = 6;
int main(void)
{
	struct husk_config config = {};
	struct husk_error e = {};
	config.size = sizeof config;
	struct husk *h = husk_create(&config, &e);
	int bad = h == NULL || husk_option(h, "--mem=8", &e) != 0 || strcmp(husk_version(), VERSION) != 0;
	husk_destroy(h);
	return bad || modules != 5 || core_run != 6 || error == NULL;
}
EOM
	flags=$(PKG_CONFIG_SYSROOT_DIR=$tmp/dest PKG_CONFIG_PATH=$tmp/dest/opt/husk/lib/pkgconfig \
		pkg-config --cflags --libs "$@" libhusk) || return
	echo "$flags"
	# shellcheck disable=SC2086 # words
	${MONITOR_CC:-cc} -x "$language" -Wall -Werror -Wno-address "-DVERSION=\"$(cat "$src/VERSION")\"" -o "$tmp/embed" "$tmp/embed.c" -x none $flags ||
		return
	[ "${CROSS:-no}" = yes ] || LD_LIBRARY_PATH="$tmp/dest/opt/husk/lib" "$tmp/embed"
}

links_static() {
	mkdir -p "$tmp/hidden" && mv "$tmp/dest/opt/husk/lib/libhusk.so" "$tmp/hidden" || return
	links c --static
	result=$?
	mv "$tmp/hidden/libhusk.so" "$tmp/dest/opt/husk/lib"
	[ $result -eq 0 ] && ! readelf -dW "$tmp/embed" | grep 'NEEDED.*libhusk'
}

links_shared() {
	links c && readelf -dW "$tmp/embed" | grep 'NEEDED.*libhusk.so.0'
}

# Nothing that the compiler or the C library has is hidden by a header of ours.
shadows_nothing() {
	for header in "$tmp"/dest/opt/husk/include/husk/*; do
		! echo "#include <${header##*/}>" | ${MONITOR_CC:-cc} -E -x c - >"$tmp/said" 2>&1 || return
	done
}

# Of all parts that configure.sh has found, each is a package that the program is linked with.
bill_of_materials() {
	python3 - "$tmp/out/husk.spdx.json" "$(sed -n 's/^LINKED := //p' "$tmp/out/config.mk")" <<'EOM'
import json, sys
bill = json.load(open(sys.argv[1]))
assert bill["spdxVersion"] == "SPDX-2.3", bill["spdxVersion"]
assert bill["creationInfo"]["created"].endswith("Z"), bill["creationInfo"]
husk, *others = bill["packages"]
said = ["%s %s, %s" % (p["name"], p["versionInfo"], p["licenseDeclared"]) for p in others]
assert "; ".join(said) == sys.argv[2].replace(" (not in the file)", ""), said
assert husk["name"] == "husk" and husk["licenseDeclared"] == "ISC", husk
links = [r["relatedSpdxElement"] for r in bill["relationships"] if r["relationshipType"].endswith("_LINK")]
assert others and links == [p["SPDXID"] for p in others], links
EOM
}

same_bill() {
	for n in 1 2; do
		SOURCE_DATE_EPOCH=86399 "$src/scripts/sbom" 1.0 x86_64-kvm 'zlib of unknown version, Zlib' \
			>"$tmp/bill$n" || return
	done
	cmp "$tmp/bill1" "$tmp/bill2" && grep '"1970-01-01T23:59:59Z"' "$tmp/bill1" && ! grep 'unknown' "$tmp/bill1"
}

# What is left can be linked and run.
stripped() {
	make -C "$tmp/out" install-strip DESTDIR="$tmp/dest" prefix=/opt/husk || return
	for file in bin/husk lib/libhusk.so lib/libhusk.a; do
		! readelf -SW "$tmp/dest/opt/husk/$file" | grep ' [.]debug_info' || return
	done
	links_static && links_shared
}

# Twice the same, all of it, and nothing of the clone's own.
distribution() {
	for n in 1 2; do
		git clone -q "$src" "$tmp/clone$n" && (umask $((n * 22)) && cd "$tmp/clone$n" && scripts/dist) || return
	done
	dist=$(cd "$tmp" && echo clone1/build/husk-*.tar.gz)
	cmp "$tmp/$dist" "$tmp/clone2/${dist#*/}" && (cd "$tmp/clone1" && git ls-files) | LC_ALL=C sort >"$tmp/files" &&
		tar -tzf "$tmp/$dist" | sed -n 's|^husk-[^/]*/||; /[^/]$/p' | LC_ALL=C sort | diff "$tmp/files" -
}

# What is not compiled in cannot be attacked.
left_out_module() {
	nm "$tmp/out/husk" | grep -q ' module_block$' || return
	variant '' && ! nm "$tmp/variant/husk" | grep ' module_block$'
}

# The program without modules, as the test before leaves it, knows what it lacks.
left_out_options() {
	for fragment in "$src"/monitor/*/*.mk; do
		m=$(basename "$fragment" .mk)
		for o in $(sed -e ':more' -e '/\\$/{N;s/\\\n//;b more' -e '}' "$fragment" |
			sed -n "s/^${m}_options := *//p"); do
			! "$tmp/variant/husk" "--$o:name=x" image 2>"$tmp/said" && cat "$tmp/said" &&
				grep -q -e "--$o belongs to module $m, which is not compiled in" "$tmp/said" ||
				return
		done
	done
}

install_into() {
	make -C "$tmp/out" install DESTDIR="$tmp/dest" prefix=/opt/husk &&
		cd "$tmp/dest/opt/husk" && cmp bin/husk "$tmp/out/husk" &&
		[ "$(readlink bin/solo5-hvt)" = husk ] && [ "$(readlink bin/solo5-hvt-debug)" = husk ] && [ ! -x include/solo5/solo5.h ] &&
		[ "$(ls -A "$tmp/dest")" = opt ]
}

pkg_config_file() {
	file=$tmp/dest/opt/husk/lib/pkgconfig/husk.pc
	cat "$file"
	! grep @ "$file" && grep -qx 'prefix=/opt/husk' "$file" &&
		PKG_CONFIG_PATH=${file%/*} pkg-config --variable=linker_script husk >"$tmp/lds" &&
		[ -e "$tmp/dest/$(cat "$tmp/lds")" ]
}

# Only what was installed is used: the tree can be moved, and the build directory be gone.
compile_installed() {
	mv "$tmp/dest" "$tmp/moved"
	cat >"$tmp/guest.c" <<'EOM'
#include "solo5.h"
int solo5_app_main(const struct solo5_start_info *si) { (void)si; return 0; }
EOM
	"$tmp/moved/opt/husk/bin/husk-cc" -o "$tmp/guest.hvt" "$tmp/guest.c"
	result=$?
	mv "$tmp/moved" "$tmp/dest"
	return $result
}

# Where distributions put libraries; and programs apart from all else.
other_directories() {
	for dirs in 'libdir=/opt/husk/lib/x86_64-linux-gnu' 'libdir=/opt/husk/lib64 bindir=/opt/bin' \
		'libdir=/usr/lib64 includedir=/usr/local/include bindir=/bin'; do
		rm -rf "$tmp/elsewhere" "$tmp/moved"
		# shellcheck disable=SC2086 # words of make
		make -C "$tmp/out" install DESTDIR="$tmp/elsewhere" prefix=/opt/husk $dirs || return
		mv "$tmp/elsewhere" "$tmp/moved"
		"$(find "$tmp/moved" -name husk-cc)" -o "$tmp/guest.hvt" "$tmp/guest.c" || return
	done
}

# $1: compiler options, $2: what is to be in the assembly of a function that calls another.
assembly_has() {
	echo 'int g(int); int f(int a) { return g(a) + g(1); }' >"$tmp/frame.c"
	# shellcheck disable=SC2086 # options
	"$tmp/dest/opt/husk/bin/husk-cc" -O2 $1 -S -o "$tmp/frame.s" "$tmp/frame.c" &&
		grep -E "$2" "$tmp/frame.s"
}

frame_pointers() {
	assembly_has '' 'push.*%rbp|stp[[:space:]]*x29' &&
		! assembly_has -fomit-frame-pointer 'rsp, *%rbp|mov[[:space:]]*x29'
}

# From the contents: the same twice, another for another program, and none for who wants none.
build_ids() {
	for n in 1 2 3; do
		[ $n -lt 3 ] || echo 'int more = 3;' >>"$tmp/guest.c"
		"$tmp/dest/opt/husk/bin/husk-cc" -o "$tmp/guest.hvt" "$tmp/guest.c" || return
		readelf -n "$tmp/guest.hvt" 2>/dev/null | sed -n 's/.*Build ID: //p' >"$tmp/id$n"
		readelf -lW "$tmp/guest.hvt" | grep -c ' NOTE ' >"$tmp/notes"
		[ -s "$tmp/id$n" ] && [ "$(cat "$tmp/notes")" = 5 ] || return
	done
	cmp "$tmp/id1" "$tmp/id2" && ! cmp -s "$tmp/id1" "$tmp/id3" || return
	"$tmp/dest/opt/husk/bin/husk-cc" -Wl,--build-id=none -o "$tmp/guest.hvt" "$tmp/guest.c" &&
		! readelf -n "$tmp/guest.hvt" 2>/dev/null | grep 'Build ID' &&
		"$tmp/out/husk-manifest" abi "$tmp/guest.hvt"
}

# There is no library that could help with atomics, and none would find out what the processor has.
atomics_inline() {
	cat >"$tmp/atomics.c" <<'EOM'
#include <stdatomic.h>
#include "solo5.h"
static _Atomic long n;
int solo5_app_main(const struct solo5_start_info *si)
{
	long zero = 0;

	(void)si;
	atomic_fetch_add(&n, 3);
	atomic_compare_exchange_strong(&n, &zero, 5);
	return (int)atomic_exchange(&n, 1);
}
EOM
	"$tmp/dest/opt/husk/bin/husk-cc" -O2 -o "$tmp/atomics.hvt" "$tmp/atomics.c" || return
	! readelf -sW "$tmp/atomics.hvt" | grep -e '__aarch64_' -e '__atomic_'
}

# The application owns all others, and an exception may come while it uses them.
general_registers_only() {
	object=$tmp/out/obj/bindings/solo5_hvt.o
	case $(readelf -h "$object") in
	*AArch64*) arch=aarch64 others='[[:space:],{][bhsdqv][0-9]+([.][0-9]*[bhsd])?([],}[]|$)' ;;
	*) arch=x86_64 others='%([xyz]mm|mm|st)[0-9(]?' ;;
	esac
	dump=$(command -v "$arch-linux-gnu-objdump" || command -v objdump) || return
	"$dump" -d --no-show-raw-insn "$object" >"$tmp/code" && grep -q '<solo5_net_write>:' "$tmp/code" ||
		return
	! grep -E "^ *[0-9a-f]+:.*$others" "$tmp/code"
}

# C11 4 paragraph 6, headers that need no library; and 5.2.4.2.1, what is in <limits.h>.
write_freestanding() {
	cat >"$tmp/freestanding.c" <<'EOM'
#include <float.h>
#include <iso646.h>
#include <limits.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdnoreturn.h>
EOM
	cat >"$tmp/limits.c" <<'EOM'
#include <limits.h>
#include <limits.h>
#define SIGNED(type, name) \
	_Static_assert(name##_MIN == -name##_MAX - 1, "the least " #type); \
	_Static_assert(name##_MAX == (type)(~0ull >> (65 - 8 * sizeof(type))), "the most " #type); \
	_Static_assert(_Generic(name##_MIN + 0, __typeof__((type)0 + 0): 1), "type of " #type); \
	_Static_assert(_Generic(name##_MAX + 0, __typeof__((type)0 + 0): 1), "type of " #type)
#define UNSIGNED(type, name) \
	_Static_assert(name##_MAX == (type)-1, "the most " #type); \
	_Static_assert(_Generic(name##_MAX + 0, __typeof__((type)0 + 0): 1), "type of " #type)
SIGNED(signed char, SCHAR);
SIGNED(short, SHRT);
SIGNED(int, INT);
SIGNED(long, LONG);
SIGNED(long long, LLONG);
UNSIGNED(unsigned char, UCHAR);
UNSIGNED(unsigned short, USHRT);
UNSIGNED(unsigned int, UINT);
UNSIGNED(unsigned long, ULONG);
UNSIGNED(unsigned long long, ULLONG);
_Static_assert(CHAR_BIT == 8 && MB_LEN_MAX >= 1, "characters");
_Static_assert(CHAR_MIN == ((char)-1 < 0 ? SCHAR_MIN : 0), "the least char");
_Static_assert(CHAR_MAX == ((char)-1 < 0 ? SCHAR_MAX : UCHAR_MAX), "the most char");
#if CHAR_MAX < 127 || UCHAR_MAX != 255 || ULLONG_MAX < ULONG_MAX || INT_MIN >= SHRT_MIN
#error not for the preprocessor
#endif
EOM
}

# With the compiler that was configured, and with gcc and clang, as far as they are there.
freestanding_headers() {
	write_freestanding
	bin=$tmp/dest/opt/husk/bin
	lib=$(echo "$tmp"/dest/opt/husk/lib/*-solo5-*)
	triple=${lib##*/}
	arch=${triple%%-*}
	for cc in '' "$arch-linux-gnu-gcc" "clang --target=$arch-linux-gnu"; do
		[ -z "$cc" ] || command -v "${cc%% *}" >/dev/null || continue
		for file in freestanding limits; do
			HUSK_CC=$cc "$bin/husk-cc" -std=c11 -Wall -Wextra -Werror -c \
				-o "$tmp/headers.o" "$tmp/$file.c" || return
		done
	done
	# Ours by itself, for a compiler that keeps its <limits.h> elsewhere.
	for sign in signed unsigned; do
		"$bin/$triple-cc" -std=c11 -Wall -Wextra -Werror "-f$sign-char" -I "$lib" -c \
			-o "$tmp/headers.o" "$tmp/limits.c" || return
	done
}

# A tree with two builds for this machine and one for another, which only say what they are to do.
fake_builds() {
	rm -rf "$tmp/tree" && mkdir -p "$tmp/tree" && cp "$src/GNUmakefile" "$tmp/tree" || return
	for build; do
		mkdir -p "$tmp/tree/build/$build"
		case $build in *other*) cross=yes ;; *) cross=no ;; esac
		echo "CROSS := $cross" >"$tmp/tree/build/$build/config.mk"
		printf '%s\n' 'all tests check install uninstall:' "	@echo $build does \$@" \
			>"$tmp/tree/build/$build/GNUmakefile"
	done
}

# root_make GOAL... -- LINE...: make in the root has the builds say just these lines.
root_make() {
	goals=
	while [ "$1" != -- ]; do
		goals="$goals $1"
		shift
	done
	shift
	# shellcheck disable=SC2086 # words
	make -C "$tmp/tree" --no-print-directory $goals >"$tmp/said" 2>&1
	status=$?
	cat "$tmp/said"
	printf '%s\n' "$@" | LC_ALL=C sort >"$tmp/wanted"
	grep ' does ' "$tmp/said" | LC_ALL=C sort | diff "$tmp/wanted" - && return "$status"
}

two_builds_at_once() {
	fake_builds here other && root_make -- 'here does all' 'other does all' &&
		root_make tests check install -- 'here does tests' 'here does check' 'here does install' \
			'other does tests' &&
		grep 'build/other is for another machine: no check install there' "$tmp/said" &&
		root_make check RUN_WITH=x -- 'here does check' 'other does check'
}

only_build_installs() {
	fake_builds other && root_make install -- 'other does install'
}

which_to_install() {
	fake_builds here here2 && ! root_make install -- '' && grep 'make -C build/here' "$tmp/said" &&
		fake_builds other other2 && ! root_make uninstall -- '' &&
		grep 'which of.*build/other2' "$tmp/said"
}

installed_elsewhere() {
	rm -rf "$tmp/dest" && make -C "$tmp/out" install DESTDIR="$tmp/dest" PREFIX=/usr \
		LIBDIR=/usr/lib64 BINDIR=/usr/sbin MANDIR=/man &&
		cd "$tmp/dest" && cmp usr/sbin/husk "$tmp/out/husk" && [ -e man/man1/husk.1 ] &&
		[ ! -e usr/lib ] && [ ! -e usr/bin ] &&
		make -C "$tmp/out" uninstall DESTDIR="$tmp/dest" PREFIX=/usr \
			LIBDIR=/usr/lib64 BINDIR=/usr/sbin MANDIR=/man &&
		find . ! -type d >"$tmp/left" && cat "$tmp/left" && [ ! -s "$tmp/left" ]
}

uninstall_from() {
	make -C "$tmp/out" uninstall DESTDIR="$tmp/dest" prefix=/opt/husk || return
	find "$tmp/dest" ! -type d -o -name solo5 -o -name '*-solo5-*' >"$tmp/left"
	cat "$tmp/left"
	[ ! -s "$tmp/left" ]
}

compile_commands() {
	make -C "$rooted" compile_commands.json || return
	python3 - "$rooted/compile_commands.json" "$tmp/another/place/monitor/main_answers.c" <<'EOM'
import json, shlex, sys
entries = json.load(open(sys.argv[1]))
ours = [e for e in entries if e["file"] == sys.argv[2]]
assert len(ours) == 1, "one entry for main_answers.c, not %d" % len(ours)
assert "-DHUSK_VERSION=\"" in " ".join(shlex.split(ours[0]["command"])), ours[0]["command"]
EOM
}

cleaned() {
	make -C "$tmp/out" clean && printf '%s\n' GNUmakefile config.mk >"$tmp/wanted" &&
		(cd "$tmp/out" && ls -A) | LC_ALL=C sort | diff "$tmp/wanted" -
}

# refuses TEXT ARGUMENT...: configure.sh fails with status 1, says one line that holds TEXT, and
# writes nothing.
refuses() {
	text=$1
	shift
	mkdir -p "$tmp/refused" && cd "$tmp/refused" || return
	env "$@" >"$tmp/out.txt" 2>"$tmp/err.txt"
	status=$?
	echo "status $status"
	cat "$tmp/err.txt"
	[ "$status" -eq 1 ] && [ "$(wc -l <"$tmp/err.txt")" -eq 1 ] &&
		grep -q -e "^configure.sh: .*$text" "$tmp/err.txt" && [ -z "$(ls -A)" ]
}

# compiler_without FLAG [NAME]: a compiler that does not find the libraries whose flag it is.
compiler_without() {
	set -- "$1" "$tmp/${2:-cc$1}"
	cat >"$2" <<EOM
#!/bin/sh
for arg; do [ "\$arg" != "$1" ] || exit 1; done
exec ${MONITOR_CC:-cc} "\$@"
EOM
	chmod +x "$2"
	echo "$2"
}

# The same for programs of the machine that builds.
build_compiler_without() {
	(MONITOR_CC=${BUILD_CC:-cc} && compiler_without "$1" "build-cc$1")
}

unconfigured() {
	! make -C "$tmp/one" 2>"$tmp/said" && cat "$tmp/said" && grep 'run ./configure.sh' "$tmp/said"
}

# The tests of configure.sh alone say all tools themselves.
configure=$src/configure.sh
refusals() {
	check 'an unknown option is named' refuses 'unknown option: --frobnicate' "$configure" --frobnicate
	check 'a relative prefix is refused' refuses 'usr is not an absolute path' \
		"$configure" --prefix=usr
	check 'an option without its value is refused' refuses '--prefix needs a value' \
		"$configure" --prefix
	check 'a path that make cannot work with is refused' refuses 'cannot work with' \
		"$configure" '--libdir=/opt/my lib'
	check 'an unknown variable is named' refuses 'unknown variable: KFLAGS' "$configure" KFLAGS=-O3
	check 'an unknown backend is named' refuses 'bhyve is neither' "$configure" --backend=bhyve
	if [ -e "$src/monitor/hv_vmm.c" ]; then
		skip 'a backend that is not there is refused' 'every backend is there'
	else
		check 'a backend that is not there is refused' refuses 'hv_vmm.c is missing' \
			"$configure" --backend=vmm
	fi
	check 'an unknown sanitizer is named' refuses 'memory is none of' "$configure" --sanitize=memory
	check 'what is no module name is refused' refuses 'a-b is not a module' "$configure" --modules=a-b
	check 'a module that is not there is refused, and those that are there are named' refuses \
		'there is no module nonesuch; there are core, block, ' "$configure" --modules=net,nonesuch
	check 'a missing compiler is named with its package' refuses \
		'nowhere/aarch64-linux-gnu-gcc; Debian has it in gcc-aarch64-linux-gnu' \
		MONITOR_CC=/nowhere/aarch64-linux-gnu-gcc "$configure"
	for hint in musl-gcc=musl-tools tcc=tcc clang-19=clang-19 gcc-12=gcc-12 cc=gcc \
		aarch64-linux-gnu-gcc-12=gcc-12-aarch64-linux-gnu; do
		check "the package of ${hint%=*} is ${hint#*=}" refuses "in ${hint#*=}\$" -u MONITOR_CC \
			CC="/nowhere/${hint%=*}" "$configure"
	done
	check 'for a C library that Debian has no libelf for, no package is named' refuses \
		'Debian has none for musl' MONITOR_CC="$(compiler_without -lelf musl-gcc)" "$configure"
	check 'a missing archiver is named with its package' refuses \
		'/nowhere/ar; Debian has it in binutils' MONITOR_AR=/nowhere/ar "$configure"
	check 'a compiler that is none is refused' refuses 'does not answer' MONITOR_CC=true "$configure"
	check 'missing libelf is said with its packages' refuses 'libelf-dev.* and zlib1g-dev' \
		MONITOR_CC="$(compiler_without -lelf)" "$configure"
	check 'missing jansson is said with its package' refuses libjansson-dev \
		BUILD_CC="$(build_compiler_without -ljansson)" "$configure"
	check 'missing libseccomp is said with its package' refuses 'libseccomp-dev.*--disable-sandbox' \
		BUILD_CC="$(build_compiler_without -lseccomp)" "$configure"
	check 'an unconfigured source root says what to do' unconfigured
}

one_line_each() {
	"$configure" >said || return
	cat said
	for subject in 'monitor compiler' archiver backend modules hardening libelf 'build directory'; do
		[ "$(grep -c "^$subject: " said)" -eq 1 ] || return
	done
}

# configured NAME=VALUE... : config.mk says so.
configured() {
	for line; do
		grep -x -e "${line%%=*} := ${line#*=}" config.mk || return
	done
}

# One that was configured before there was a sandbox would build without it, and say nothing.
stale() {
	"$configure" --disable-bindings && sed '/^SANDBOX /d' config.mk >stale && mv stale config.mk || return
	! make >said 2>&1 && grep 'config.mk is older than the sandbox.*configure.sh here again' said
}

# Less to look for, where that is not the point.
lean='--disable-bindings --disable-sandbox'

# What every user of configure scripts knows.
# shellcheck disable=SC2086 # words
usual_names() {
	env -u MONITOR_CC -u MONITOR_CFLAGS -u MONITOR_LDFLAGS CC="env $real_cc" CFLAGS='-O1 -g' \
		CPPFLAGS=-DNDEBUG LDFLAGS=-Wl,-O1 "$configure" $lean &&
		configured "MONITOR_CC=env $real_cc" 'MONITOR_CFLAGS=-DNDEBUG -O1 -g' \
			MONITOR_LDFLAGS=-Wl,-O1
}

# shellcheck disable=SC2086 # words
own_names_win() {
	env MONITOR_CC="$real_cc" MONITOR_CFLAGS=-O2 CC=/nowhere/cc CFLAGS=-O1 "$configure" $lean &&
		configured "MONITOR_CC=$real_cc" MONITOR_CFLAGS=-O2
}

# shellcheck disable=SC2086 # words
variables_as_arguments() {
	"$configure" $lean "MONITOR_CC=$real_cc" CFLAGS=-O1 MONITOR_CFLAGS='-O2 -g1' &&
		configured "MONITOR_CC=$real_cc" 'MONITOR_CFLAGS=-O2 -g1'
}

# shellcheck disable=SC2086 # words
two_words() {
	"$configure" $lean --prefix /opt/husk --modules net --libdir=/opt/lib64 --bindir /opt/sbin &&
		configured PREFIX=/opt/husk MODULES=net LIBDIR=/opt/lib64 BINDIR=/opt/sbin
}

# shellcheck disable=SC2086 # $lean is words
acceptances() {
	real_cc=${MONITOR_CC:-cc}
	mkdir -p "$tmp/accepted" && cd "$tmp/accepted" || exit 1
	check 'a compiler may be several words' env MONITOR_CC="env ${MONITOR_CC:-cc}" "$configure" $lean
	check 'missing cmocka is only noted' sh -c \
		"MONITOR_CC='$(compiler_without -lcmocka)' '$configure' $lean | grep 'no unit tests.*libcmocka-dev'"
	check 'without bindings nobody needs jansson' env BUILD_CC="$(build_compiler_without -ljansson)" \
		"$configure" --disable-bindings
	check 'without a sandbox nobody needs libseccomp' env \
		BUILD_CC="$(build_compiler_without -lseccomp)" "$configure" --disable-sandbox
	check 'a directory that was configured before the sandbox is configured anew' stale
	check 'CC, CFLAGS, CPPFLAGS and LDFLAGS count' usual_names
	check "husk's own names for them win" own_names_win
	check 'they may be arguments' variables_as_arguments
	check "an option's value may be a word of its own" two_words
	check 'every decision is one line' one_line_each
	touch -t 200001010000 config.mk
	check 'configuring the same again rebuilds nothing' sh -c \
		"'$configure' && [ -z \"\$(find . -name config.mk -newer '$configure')\" ]"
	check 'help names every option' sh -c "'$configure' --help >help && cat help && \
		for o in \$(sed -n 's/^[[:blank:]]*\\(--[a-z-]*\\).*)[[:blank:]].*/\\1/p' '$configure'); do \
		grep -q -e \"\$o\" help || exit 1; done"
}

use_tools
copy_source "$tmp/one"
copy_source "$tmp/another/place"
listing "$tmp/one" >"$tmp/before"
chmod -R a-w "$tmp/one"

refusals
acceptances
if ! readelf --version >"$tmp/log" 2>&1; then
	echo 'Bail out! no readelf'
	exit 1
fi
check 'a read-only source tree can be built elsewhere' readonly_build
listing "$tmp/one" >"$tmp/after"
check 'a build writes nothing into the source tree' diff "$tmp/before" "$tmp/after"
check 'configured in its root, the source tree is built below build/' rooted_build
# Without a program there is nothing to look at.
if [ ! -e "$tmp/out/husk" ]; then
	echo "1..$number"
	exit 1
fi
rooted=$(echo "$tmp"/another/place/build/*)
check 'the source root itself stays clean' only_build_directory
check 'a second make has nothing to do' quiet_make
check 'warnings are errors only when asked for' warnings_only
check 'a changed header rebuilds what includes it' header_rebuilds
check 'there are two builds to compare' find_twin
for product in husk libhusk.a libhusk.so husk-manifest obj/bindings/solo5_hvt.o; do
	if [ -e "$tmp/out/$product" ]; then
		check "two directories give the same $product" same "$product"
		check "$product does not say where it was built" no_path_inside "$product"
	else
		skip "two directories give the same $product" 'not built here'
		skip "$product does not say where it was built" 'not built here'
	fi
done
check 'husk is a static program that can lie anywhere' static_pie
check 'relocations are read-only before main' relocations_closed
check 'relocations are packed, if they can be' relocations_packed
check 'the stack is not executable' stack_not_executable
check 'no segment is both writable and executable' no_segment_is_writable_and_executable
check 'husk carries no build id' no_build_id
case " ${MONITOR_CFLAGS:-} " in
*' -O0 '*)
	skip 'husk without symbols is smaller than 1.25 MiB' 'built without optimisation'
	skip 'with nothing but devices, than 1.1 MiB' 'built without optimisation'
	;;
*)
	check 'husk without symbols is smaller than 1.25 MiB' smaller "$tmp/out/husk" 1310720
	check 'with nothing but devices, than 1.1 MiB' devices_alone
	;;
esac
if [ -e "${BUILD:-}/obj/libtestutil.a" ]; then
	check 'what unit tests are linked with calls everything by its name' tests_not_fortified
else
	skip 'what unit tests are linked with calls everything by its name' 'no unit tests were built'
fi
check 'without cmocka the replays of fuzzers are built' replays_alone
check 'a module that is configured but missing does not link' missing_module
check 'a module that is left out is not in the program' left_out_module
if [ "${CROSS:-no}" = no ]; then
	check 'the options of a module that is left out are known' left_out_options
else
	skip 'the options of a module that is left out are known' 'built for another machine'
fi
check 'installing puts everything below DESTDIR and prefix' install_into
if command -v pkg-config >/dev/null && [ "${CROSS:-no}" = no ]; then
	check 'a program links the installed library, static' links_static
	check 'and shared' links_shared
	if ${MONITOR_CC:-cc} -x c++ -fsyntax-only /dev/null 2>/dev/null; then
		check 'and a program in C++' links c++
	else
		skip 'and a program in C++' 'the compiler knows no C++'
	fi
	check 'what install-strip leaves has no debugging information, and links too' stripped
else
	skip 'a program links the installed library' 'no pkg-config, or built for another machine'
fi
check 'the bill of materials for one time is the same twice' same_bill
if command -v python3 >/dev/null; then
	check 'it is JSON, and has what is linked in' bill_of_materials
else
	skip 'it is JSON, and has what is linked in' 'no python3'
fi
check "no header of the library has a system header's name" shadows_nothing
# git takes none that is somebody else's, but by safe.directory in its settings.
if command -v git >/dev/null && [ -e "$src/.git" ] && git -C "$src" rev-parse -q --verify HEAD >/dev/null 2>&1; then
	check 'the distribution is the same twice, and has every file' distribution
else
	skip 'the distribution is the same twice, and has every file' 'no git, or no repository of this user'
fi
if [ -e "$tmp/out/obj/bindings/husk-cc" ]; then
	if command -v pkg-config >/dev/null; then
		check 'pkg-config finds the installed bindings' pkg_config_file
	else
		skip 'pkg-config finds the installed bindings' 'no pkg-config'
	fi
	check 'what was installed is enough to compile a guest' compile_installed
	check 'and in other directories' other_directories
	check 'functions have frame pointers, unless told otherwise' frame_pointers
	check 'images have a build id' build_ids
	check 'atomics need no helpers' atomics_inline
	check 'the bindings use general registers only' general_registers_only
	check "husk-cc has C's freestanding headers, with gcc and with clang" freestanding_headers
fi
check 'uninstalling leaves nothing' uninstall_from
check 'each kind of file has a directory that can be chosen' installed_elsewhere
check 'in a tree with two builds the one for another machine is only built' two_builds_at_once
check 'a build that is alone does all that it is told' only_build_installs
check 'of several it has to be said which one is to be installed' which_to_install
if command -v python3 >/dev/null; then
	check 'compile_commands.json is JSON and has every file once' compile_commands
else
	skip 'compile_commands.json is JSON and has every file once' 'no python3'
fi
check 'clean leaves only what configure.sh wrote' cleaned
echo "1..$number"
