#!/bin/sh
# SPDX-License-Identifier: ISC
# configure.sh: looks at the compilers and libraries once and writes config.mk for GNUmakefile.
#
# Run in an empty directory, it makes that the build directory; run in the source root, it makes
# build/<arch>-<backend>/ there. Probes compile and link, they never run what they made.
set -eu

usage() {
	cat <<'EOM'
Usage: configure.sh [options]

  --prefix=DIR        install below DIR (default /usr/local)
  --bindir=DIR, --libdir=DIR, --includedir=DIR, --datadir=DIR, --mandir=DIR
                      install such files there (default: bin, lib, include, share, share/man
                      below the prefix)
  --modules=LIST      modules to compile in, separated by commas (default: all there are)
  --backend=NAME      kvm or vmm (default: what the compiler's target system has)
  --sanitize=LIST     address,undefined or thread: a build for tests, not for use
  --werror            warnings are errors; not for users, whose compiler may be a newer one
  --disable-bindings  build no guest bindings, so no guest compiler is needed
  --disable-sandbox   build a husk that cannot confine itself, so no libseccomp is needed
  --dynamic-libelf    link the system's libelf, and with it all else, when husk starts
  --enable-usdt       probes for bpftrace and perf: an instruction that does nothing at each place
  --help              this text

An option's value may also be a word of its own: --prefix DIR.

Environment, or NAME=VALUE beside the options (a compiler may be several words, such as
"clang --target=aarch64-linux-gnu"):

  MONITOR_CC, MONITOR_AR, MONITOR_OBJCOPY  compiler and binutils for the monitor
  MONITOR_CFLAGS, MONITOR_LDFLAGS   flags put after husk's own (default: -O2 -g, none)
  MONITOR_PKG_CONFIG                pkg-config for the monitor's target
  MONITOR_SYSROOT                   the target's headers and libraries; without one, a build for
                                    FreeBSD on another system only checks the sources
  BUILD_CC                          compiler for tools that run on this machine
  GUEST_CC, GUEST_LD, GUEST_OBJCOPY compiler, linker and objcopy for the guest bindings
  CC, AR, CFLAGS, CPPFLAGS, LDFLAGS, PKG_CONFIG
                                    for the monitor too, where the names above are not set
EOM
}

# absolute OPTION DIR: make and the shell are to see one word.
absolute() {
	case $2 in
	*[!A-Za-z0-9_./+,@=-]*) die "$1: make cannot work with a path like this: $2" ;;
	/*) ;;
	*) die "$1: ${2:-nothing} is not an absolute path" ;;
	esac
}

check_options() {
	absolute --prefix "$prefix"
	[ -z "$bindir" ] || absolute --bindir "$bindir"
	[ -z "$libdir" ] || absolute --libdir "$libdir"
	[ -z "$includedir" ] || absolute --includedir "$includedir"
	[ -z "$datadir" ] || absolute --datadir "$datadir"
	[ -z "$mandir" ] || absolute --mandir "$mandir"
	case $backend in
	'' | kvm | vmm) ;;
	*) die "--backend: $backend is neither kvm nor vmm" ;;
	esac
	case $sanitize in
	'' | address | undefined | thread | address,undefined | undefined,address) ;;
	*) die "--sanitize: $sanitize is none of address, undefined, thread" ;;
	esac
}

say() { printf '%s\n' "$*"; }
die() { printf 'configure.sh: %s\n' "$*" >&2; exit 1; }

# Where this machine has what Debian has in $1.
package() {
	case $(uname -s):$1 in
	FreeBSD:libjansson-dev*) say "FreeBSD has it in jansson" ;;
	FreeBSD:libcmocka-dev*) say "FreeBSD has it in cmocka" ;;
	FreeBSD:*) say "FreeBSD has it in its base system" ;;
	*) say "Debian has it in $1" ;;
	esac
}

# "$1 is needed: $2", in the same words for every tool and library.
lack() { die "$1; $(package "$2")"; }

# One option with its value in $argument.
parse_option() {
	case $1 in
	--prefix)	prefix=$argument ;;
	--bindir)	bindir=$argument ;;
	--libdir)	libdir=$argument ;;
	--includedir)	includedir=$argument ;;
	--datadir)	datadir=$argument ;;
	--mandir)	mandir=$argument ;;
	--modules)	modules=$(say "$argument" | tr ',' ' ') modules_given=yes ;;
	--backend)	backend=$argument ;;
	--sanitize)	sanitize=$argument ;;
	*)		die "unknown option: $1; --help lists them" ;;
	esac
}

parse_options() {
	while [ $# -gt 0 ]; do
		argument=${1#*=}
		case $1 in
		--disable-bindings)	bindings=no ;;
		--disable-sandbox)	sandbox=no ;;
		--dynamic-libelf)	dynamic=yes ;;
		--enable-usdt)		usdt=yes ;;
		--werror)		werror=-Werror ;;
		--help | -h)		usage; exit 0 ;;
		--*=*)			parse_option "${1%%=*}" ;;
		--prefix | --bindir | --libdir | --includedir | --datadir | --mandir | --modules | \
		--backend | --sanitize)
			[ $# -ge 2 ] || die "$1 needs a value"
			argument=$2
			parse_option "$1"
			shift
			;;
		MONITOR_*=* | BUILD_CC=* | GUEST_*=* | CC=* | AR=* | *FLAGS=* | PKG_CONFIG=*)
			variable "${1%%=*}"
			;;
		*)			die "unknown option: $1; --help lists them" ;;
		esac
		shift
	done
}

# The variable NAME has the value in $argument, as if it had been in the environment.
variable() {
	case $1 in
	MONITOR_CC | MONITOR_AR | MONITOR_CFLAGS | MONITOR_LDFLAGS | MONITOR_PKG_CONFIG | \
	MONITOR_OBJCOPY | MONITOR_SYSROOT | BUILD_CC | GUEST_CC | GUEST_LD | GUEST_OBJCOPY | CC | \
	AR | CFLAGS | CPPFLAGS | LDFLAGS | PKG_CONFIG) ;;
	*) die "unknown variable: $1; --help lists them" ;;
	esac
	export "$1=$argument"
}

first_word() { printf '%s' "${1%% *}"; }

# The first of the commands that can be run at all.
first_tool() {
	for tool do
		if command -v "$(first_word "$tool")" >/dev/null 2>&1; then
			printf '%s' "$tool"
			return
		fi
	done
}

found() { [ -n "$1" ] && [ -n "$(first_tool "$1")" ]; }

# What a cross toolchain's tools have in common: aarch64-linux-gnu- of aarch64-linux-gnu-gcc-12.
tool_prefix() {
	for word in $1; do
		case $word in
		*-gcc | *-gcc-[0-9]* | *-cc) printf '%s' "${word%cc*}" | sed 's/g$//'; return ;;
		esac
	done
	printf '%s' "$arch-$os-gnu-"
}

# 1st: the compiler, 2nd: the program's text; the rest: flags. Compiles and links.
links() {
	cc=$1
	printf '%s\n' "$2" >"$tmp/probe.c"
	shift 2
	$cc -Werror -o "$tmp/probe" "$tmp/probe.c" "$@" >/dev/null 2>&1
}

compiles() {
	cc=$1
	printf '%s\n' "$2" >"$tmp/probe.c"
	shift 2
	$cc -Werror -c -o "$tmp/probe.o" "$tmp/probe.c" "$@" >/dev/null 2>&1
}

empty='int main(void) { return 0; }'
# From this version on glibc's start of a static program knows packed relocations.
packs_relocations='#include <features.h>
	#if !defined __GLIBC__ || !__GLIBC_PREREQ(2, 36)
	#error
	#endif
	int main(void) { return 0; }'
uses_libelf='#include <libelf.h>
	int main(void) { return elf_version(EV_CURRENT) == EV_NONE; }'
uses_threads='#include <pthread.h>
	#include <stdio.h>
	static void *run(void *arg) { return arg; }
	int main(void)
	{
		pthread_t thread;
		return pthread_create(&thread, 0, run, 0) != 0 || printf("%d", 1) < 0;
	}'
uses_sdt='#include <sys/sdt.h>
	int main(void)
	{
		DTRACE_PROBE1(husk, probe, 1);
		return 0;
	}'
uses_seccomp='#include <seccomp.h>
	int main(void) { return seccomp_version() == 0; }'
uses_jansson='#include <jansson.h>
	int main(void) { return json_null() == 0; }'
uses_cmocka='#include <stdarg.h>
	#include <stddef.h>
	#include <setjmp.h>
	#include <stdint.h>
	#include <cmocka.h>
	static void none(void **state) { (void)state; }
	int main(void)
	{
		const struct CMUnitTest tests[] = { cmocka_unit_test(none) };
		return cmocka_run_group_tests(tests, 0, 0);
	}'

# The header of a FreeBSD sysroot that has the release's number: 1500068 is 15.0, 1402000 is 14.2.
# osreldate.h is made when the system is.
release_header() {
	for header in osreldate.h sys/param.h; do
		header=$MONITOR_SYSROOT/usr/include/$header
		if grep -q 'define[[:space:]]*__FreeBSD_version' "$header" 2>/dev/null; then
			say "$header"
			return
		fi
	done
}

# What clang calls the machine of a FreeBSD sysroot; the architecture by e_machine of a file (ELF
# gABI).
freebsd_triple() {
	start=$MONITOR_SYSROOT/usr/lib/crt1.o
	[ -e "$start" ] || die "MONITOR_SYSROOT: no $start: FreeBSD's headers and libraries are to be there"
	case $(od -A n -t u2 -j 18 -N 2 "$start" | tr -d ' ') in
	62) freebsd_arch=x86_64 ;;
	183) freebsd_arch=aarch64 ;;
	*) die "MONITOR_SYSROOT: $start is for neither x86_64 nor aarch64" ;;
	esac
	release=$(sed -n 's/^.*define[[:space:]]*__FreeBSD_version[[:space:]]*\([0-9]*\)[0-9]\{5\}[^0-9]*$/\1/p' \
		"$(release_header)")
	say "$freebsd_arch-unknown-freebsd${release:+$release.0}"
}

# A sysroot of FreeBSD says for what to compile, where no compiler was named.
compiler_for_sysroot() {
	[ -n "${MONITOR_SYSROOT:-}" ] || return 0
	[ -d "$MONITOR_SYSROOT" ] || die "MONITOR_SYSROOT: there is no directory $MONITOR_SYSROOT"
	MONITOR_SYSROOT=$(cd "$MONITOR_SYSROOT" && pwd -P)
	absolute MONITOR_SYSROOT "$MONITOR_SYSROOT"
	[ -z "${MONITOR_CC:-}${CC:-}" ] || return 0
	[ -n "$(release_header)" ] || return 0
	[ "$(uname -s)" != FreeBSD ] || return 0
	freebsd=$(freebsd_triple)
	MONITOR_CC="clang --target=$freebsd"
}

find_monitor_compiler() {
	compiler_for_sysroot
	monitor_cc=${MONITOR_CC:-${CC:-$(first_tool cc gcc clang)}}
	cc_name=MONITOR_CC
	[ -n "${MONITOR_CC:-}" ] || [ -z "${CC:-}" ] || cc_name=CC
	[ -n "$monitor_cc" ] || lack "no C compiler (cc, gcc, clang)" gcc
	found "$monitor_cc" || lack "${cc_name}: there is no $(first_word "$monitor_cc")" \
		"$(cc_package "$monitor_cc")"
	triple=$($monitor_cc -dumpmachine 2>/dev/null) || triple=''
	[ -n "$triple" ] ||
		die "$cc_name: $monitor_cc does not answer -dumpmachine; gcc and clang do"
	say "monitor compiler: $monitor_cc"
	cross=no stubs=no linker='' static='' system_libs=''
	[ "$(machine_of "$triple")" = "$(machine_of "$(uname -m)-$(uname -s)")" ] || cross=yes
	target_cc=$monitor_cc
	[ -z "${MONITOR_SYSROOT:-}" ] || monitor_cc="$monitor_cc --sysroot=$MONITOR_SYSROOT"
}

# Whether the compiler finds the system's libraries. Threads are one of their own on FreeBSD. What
# clang adds by itself may not be there: libgcc is LLVM's under another name, which nothing needs.
find_system_libs() {
	for start in '' '-nodefaultlibs '; do
		for threads in -lpthread -lthr; do
			for rest in '' ' -lsys'; do
				set -- "$@" "$start$threads${start:+ -lc}$rest"
			done
		done
	done
	# A sysroot needs no shared libraries.
	[ -n "$sanitize$dynamic" ] || static=-static
	system_libs=$(first_libs "$monitor_cc" "$uses_threads" \
		"$monitor_cflags -fPIE $static $linker $monitor_ldflags" "$@") || return
	say "system's libraries: $system_libs"
}

# clang for another system would have this one's ld link; one from elsewhere has a linker of its own.
# With --sysroot, or with a sysroot built in, the compiler may need none from us.
find_sysroot() {
	[ "$os" = freebsd ] || return 0
	case $cross-$monitor_cc in
	yes-*clang*)
		linker=-fuse-ld=lld
		found ld.lld || lack "no linker for FreeBSD (ld.lld)" lld
		;;
	esac
	find_system_libs && return
	case $cross-$monitor_cc in no-* | *--sysroot*) lack_libc ;; esac
	stubs=yes
	monitor_cc="$target_cc --sysroot=$tmp/sysroot"
	# shellcheck disable=SC2086
	sh "$src/tests/freebsd/sysroot.sh" "$tmp/sysroot" "$monitor_ar" $monitor_cc ||
		die "$monitor_cc cannot make stubs of FreeBSD's libraries"
	say "sysroot: none, so stubs are linked: what is made checks the sources and does not run"
	find_system_libs || lack_libc
}

find_archiver() {
	clang_ar=llvm-ar
	case $monitor_cc in *clang*) clang_ar=$($monitor_cc -print-prog-name=llvm-ar) ;; esac
	# A GNU ar for another machine would make archives without an index.
	monitor_prefix=
	[ "$cross" = no ] || monitor_prefix=$(tool_prefix "$monitor_cc")
	monitor_ar=${MONITOR_AR:-${AR:-$(first_tool "${monitor_prefix}ar" "$clang_ar")}}
	found "$monitor_ar" ||
		lack "no archiver${monitor_ar:+: there is no $monitor_ar}" "$(binutils_package)"
	say "archiver: $monitor_ar"
	monitor_objcopy=${MONITOR_OBJCOPY:-$(first_tool "${monitor_prefix}objcopy" llvm-objcopy)}
	found "$monitor_objcopy" ||
		lack "no objcopy${monitor_objcopy:+: there is no $monitor_objcopy}" "$(binutils_package)"
}

# Architecture and system, in one spelling for all compilers.
machine_of() {
	printf '%s' "$1" | tr '[:upper:]' '[:lower:]' |
		sed -e 's/^amd64-/x86_64-/' -e 's/^arm64-/aarch64-/' \
			-e 's/^\([^-]*\)-.*linux.*/\1-linux/' \
			-e 's/^\([^-]*\)-.*freebsd.*/\1-freebsd/'
}

# What Debian calls the things of the machine that is built for.
name_packages() {
	foreign='' libc_package=libc6-dev pkg_config=pkg-config
	[ "$os" = linux ] || name_packages_of_freebsd
	[ "$cross-$os" = yes-linux ] || return 0
	cross_package=$(printf '%s' "$arch-linux-gnu" | tr _ -)
	case $arch in x86_64) deb_arch=amd64 ;; *) deb_arch=arm64 ;; esac
	foreign=:$deb_arch libc_package=libc6-dev-$deb_arch-cross
	pkg_config=$arch-linux-gnu-pkg-config
}

# Its base system has libelf, without a file for pkg-config.
name_packages_of_freebsd() {
	pkg_config=false
}

cc_package() {
	name=$(basename "$(first_word "$1")")
	case $name in
	musl-gcc) say musl-tools ;;
	tcc | clang | clang-[0-9]* | gcc-[0-9]*) say "$name" ;;
	*clang*) say clang ;;
	*-linux-gnu-*) say "$name" | sed 's/_/-/g
		s/^\(.*\)-g\{0,1\}cc\(-[0-9]*\)\{0,1\}$/gcc\2-\1/' ;;
	*) say gcc ;;
	esac
}

binutils_package() {
	case $cross-$os in
	yes-linux) say "binutils-$cross_package" ;;
	*-freebsd) say llvm ;;
	*) say binutils ;;
	esac
}

choose_target() {
	target=$(machine_of "$triple")
	arch=${target%%-*} os=${target#*-}
	case $arch in
	x86_64 | aarch64) ;;
	*) die "no backend for $triple: husk runs on x86_64 and aarch64" ;;
	esac
	case $os in
	linux) native=kvm ;;
	freebsd) native=vmm ;;
	*) die "no backend for $triple: husk runs on Linux and FreeBSD" ;;
	esac
	if [ -n "$backend" ]; then
		say "backend: $backend (asked for; $triple)"
	else
		backend=$native
		say "backend: $backend (from $triple)"
	fi
	[ "$os-$backend" != freebsd-kvm ] || die "backend kvm does not run on FreeBSD, but vmm does"
	[ -e "$src/monitor/hv_$backend.c" ] ||
		die "backend $backend is not in this source tree: monitor/hv_$backend.c is missing"
	[ -e "$src/monitor/hv_${backend}_$arch.c" ] ||
		die "backend $backend does not run on $arch yet: monitor/hv_${backend}_$arch.c is missing"
}

choose_modules() {
	there=$(cd "$src/monitor" && for m in */; do
		m=${m%/}
		if [ -e "$m/$m.mk" ]; then say "$m"; fi
	done | LC_ALL=C sort | tr '\n' ' ')
	[ "$modules_given" = yes ] || modules=$there
	list=
	for m in $modules; do
		case $m in
		*[!a-z0-9_]*) die "--modules: $m is not a module's name" ;;
		core) ;;
		*)
			case " $there " in
			*" $m "*) ;;
			*) die "--modules: there is no module $m; there are core, $(say $there |
				sed 's/ /, /g')" ;;
			esac
			case " $list " in *" $m "*) ;; *) list="$list $m" ;; esac
			;;
		esac
	done
	modules=${list# }
	say "modules: core${list}"
}

# The same with the monitor's compiler and the user's flags.
monitor_links() {
	text=$1
	shift
	# shellcheck disable=SC2086
	links "$monitor_cc" "$text" $monitor_cflags "$@" $static $linker $monitor_ldflags $system_libs
}

# Whether the compiler takes flags without a warning, which clang gives for some only if it does not link.
takes() {
	# shellcheck disable=SC2086
	compiles "$monitor_cc" "$empty" $monitor_cflags "$@" && monitor_links "$empty" "$@"
}

# All flags that it takes: one by one only if not all together.
accepted() {
	if takes "$@"; then
		printf '%s' "$*"
		return
	fi
	out=
	for flag do
		if takes "$flag"; then
			out="$out $flag"
		fi
	done
	printf '%s' "${out# }"
}

lack_libc() {
	[ "$os" = linux ] || die "$monitor_cc cannot link a program: MONITOR_SYSROOT names FreeBSD's" \
		"headers and libraries (libc, libthr, libelf, crt1.o and its like)"
	lack "$monitor_cc cannot link a program" "$libc_package"
}

choose_flags() {
	monitor_links "$empty" || lack_libc
	case $arch in
	aarch64) branches=-mbranch-protection=standard ;;
	*) branches=-fcf-protection ;;
	esac
	harden=$(accepted -fstack-protector-strong -fstack-clash-protection $branches -ftrivial-auto-var-init=zero)
	say "hardening: ${harden:-none}"
	sanitize_flags=
	if [ -n "$sanitize" ]; then
		sanitize_flags="-fsanitize=$sanitize -fno-sanitize-recover=all"
		sanitize_flags="$sanitize_flags -fno-omit-frame-pointer"
		# shellcheck disable=SC2086
		monitor_links "$empty" $sanitize_flags ||
			die "--sanitize=$sanitize: $monitor_cc cannot link a program with it"
	fi
	say "sanitizers: ${sanitize:-none}"
	# The sanitizers' run-time libraries do not work in static programs, and FreeBSD starts no
	# static programs that are position-independent: it has no rcrt1.o.
	case $os in freebsd) static=-static ;; *) static=-static-pie ;; esac
	[ -z "$sanitize$dynamic" ] || static=-pie
	monitor_links "$empty" -fPIE "$static" || die "$monitor_cc cannot link with $static"
	# 40 KB less to read at a start.
	packed=-Wl,-z,pack-relative-relocs
	if [ "$static" = -static-pie ] &&
		monitor_links "$packs_relocations" -fPIE -Wl,--fatal-warnings "$packed"; then
		linker="${linker:+$linker }$packed"
	fi
	say "linking: $static${linker:+ $linker}"
}

# 1st: the compiler, 2nd: the program; 3rd: flags that come before; then: sets of libraries to try.
first_libs() {
	libs_cc=$1 libs_text=$2 libs_flags=$3
	shift 3
	for libs do
		# shellcheck disable=SC2086
		if links "$libs_cc" "$libs_text" $libs_flags $libs; then
			printf '%s' "$libs"
			return
		fi
	done
	return 1
}

# Debian's libraries are for its own C library.
lack_libelf() {
	[ "$os" = linux ] || die "no libelf to link with $static: it is in FreeBSD's base system"
	case $monitor_cc$triple in
	*musl*) die "no libelf for $monitor_cc to link with $static; Debian has none for musl" ;;
	esac
	lack "no libelf to link with $static" "libelf-dev$foreign and zlib1g-dev$foreign"
}

find_libelf() {
	case $os in freebsd) base_libelf=-lelf ;; *) base_libelf= ;; esac
	pkg=${MONITOR_PKG_CONFIG:-${PKG_CONFIG:-$pkg_config}}
	from_pkg=$($pkg $([ -n "$dynamic" ] || say --static) --libs libelf 2>/dev/null) || from_pkg=
	libelf=$(first_libs "$monitor_cc" "$uses_libelf" \
		"$monitor_cflags -fPIE $static $linker $monitor_ldflags $system_libs" \
		${from_pkg:+"$from_pkg"} $base_libelf "-lelf -lz" "-lelf -lz -lzstd") ||
		lack_libelf
	say "libelf: $libelf"
}

# What the macro stands for in the header of the monitor's target; nothing if it has neither.
header_says() {
	# shellcheck disable=SC2086
	printf '#include <%s>\n@ %s\n' "$1" "$2" | $monitor_cc $monitor_cflags -E -P - 2>/dev/null |
		sed -n '/_/d; s/^@ //p' | tr -d '" '
}

# add_linked NAME VERSION LICENCE: by their names in SPDX.
add_linked() {
	linked="$linked${linked:+; }$1 ${2:-of unknown version}${shared:+ ($shared)}, $3"
}

# For --version=full: what others have written and is inside.
find_linked() {
	linked='' shared=''
	[ "$static" != -pie ] || shared='not in the file'
	if [ "$os" = freebsd ]; then
		add_linked 'libc, libthr and libelf of FreeBSD' "$(header_says sys/param.h __FreeBSD_version)" BSD-2-Clause
		return
	fi
	add_linked glibc "$(header_says features.h __GLIBC__.__GLIBC_MINOR__)" LGPL-2.1-or-later
	add_linked libelf "0.$(header_says elfutils/version.h _ELFUTILS_VERSION)" 'LGPL-3.0-or-later OR GPL-2.0-or-later'
	case " $libelf " in *' -lz '*) add_linked zlib "$(header_says zlib.h ZLIB_VERSION)" Zlib ;; esac
	case " $libelf " in
	*' -lzstd '*)
		add_linked zstd "$(header_says zstd.h \
			ZSTD_VERSION_MAJOR.ZSTD_VERSION_MINOR.ZSTD_VERSION_RELEASE)" BSD-3-Clause
		;;
	esac
	shared=''
	case $monitor_cc in
	*gcc* | cc) add_linked libgcc "$($monitor_cc -dumpfullversion)" 'GPL-3.0-or-later WITH GCC-exception-3.1' ;;
	esac
}

# FreeBSD's compilers do not look where its packages are.
find_ports() {
	ports='' build_ports=''
	packages=${MONITOR_SYSROOT:-}/usr/local
	[ "$os-$stubs" != freebsd-no ] || [ ! -d "$packages/include" ] ||
		ports="-isystem $packages/include -L$packages/lib"
	[ "$(uname -s)" != FreeBSD ] ||
		build_ports="-isystem /usr/local/include -L/usr/local/lib"
}

find_build_compiler() {
	build_cc=''
	seccomp=no
	[ "$os-$backend" != linux-kvm ] || seccomp=$sandbox
	[ "$bindings$seccomp" != nono ] || return 0
	build_cc=${BUILD_CC:-$monitor_cc}
	[ "$cross" = no ] || build_cc=${BUILD_CC:-$(first_tool cc gcc clang)}
	found "$build_cc" || lack "BUILD_CC: there is no compiler ${build_cc:-cc, gcc or clang}" gcc
	say "compiler for this machine: $build_cc"
}

# The system call filter is made when husk is built; husk itself has no libseccomp in it.
find_seccomp() {
	build_seccomp=''
	if [ "$seccomp" = yes ]; then
		build_seccomp=$(first_libs "$build_cc" "$uses_seccomp" "" -lseccomp) ||
			die "no libseccomp for the sandbox; Debian has it in libseccomp-dev," \
				"and --disable-sandbox builds a husk that does not confine itself"
	fi
	say "sandbox: $sandbox"
}

# A header only: probes need no library.
find_usdt() {
	[ "$usdt" = no ] || monitor_links "$uses_sdt" || lack "no sys/sdt.h for --enable-usdt" systemtap-sdt-dev
	say "probes: $usdt"
}

# husk-manifest runs on this machine, and guests cannot be built without it.
find_build_tools() {
	build_libelf=''
	[ "$bindings" = yes ] || return 0
	build_libelf=$(first_libs "$build_cc" "$uses_libelf" "" -lelf "-lelf -lz") ||
		lack "no libelf for husk-manifest" libelf-dev
	# shellcheck disable=SC2086
	links "$build_cc" "$uses_jansson" $build_ports -ljansson ||
		lack "no jansson for husk-manifest" libjansson-dev
	say "jansson: -ljansson"
}

find_cmocka() {
	for test_link in "$static" -pie; do
		cmocka=$(first_libs "$monitor_cc" "$uses_cmocka" \
			"$monitor_cflags $ports -fPIE $test_link $linker $monitor_ldflags $system_libs" \
			-lcmocka) && break
	done
	if [ -n "$cmocka" ]; then
		say "cmocka: $cmocka ($test_link)"
	else
		say "cmocka: none, so no unit tests; $(package "libcmocka-dev$foreign")"
	fi
}

# Without bindings nothing that serves guests is looked for.
choose_bindings() {
	if [ "$bindings" = no ]; then
		say "bindings: no (asked for)"
	elif [ -e "$src/bindings/bindings_$arch.mk" ]; then
		say "bindings: yes"
	else
		bindings=no
		say "bindings: no (there are none for $arch)"
	fi
}

find_guest_tools() {
	guest_cc='' guest_ld='' guest_objcopy=''
	[ "$bindings" = yes ] || return 0
	guest_cc=${GUEST_CC:-$target_cc}
	found "$guest_cc" || lack "GUEST_CC: there is no $guest_cc" "$(cc_package "$guest_cc")"
	case $(machine_of "$($guest_cc -dumpmachine)") in
	"$arch" | "$arch"-*) ;;
	*) die "GUEST_CC: $guest_cc does not compile for $arch" ;;
	esac
	compiles "$guest_cc" 'int f(int a) { return a; }' -ffreestanding -fno-pie ||
		die "GUEST_CC: $guest_cc cannot compile a freestanding file"
	guest_prefix=
	[ "$cross" = no ] || guest_prefix=$(tool_prefix "$guest_cc")
	guest_ld=${GUEST_LD:-$(first_tool "${guest_prefix}ld" ld.lld)}
	guest_objcopy=${GUEST_OBJCOPY:-$(first_tool "${guest_prefix}objcopy" llvm-objcopy)}
	found "$guest_ld" || lack "no linker for guests (GUEST_LD=$guest_ld)" "$(binutils_package)"
	found "$guest_objcopy" ||
		lack "no objcopy for guests (GUEST_OBJCOPY=$guest_objcopy)" "$(binutils_package)"
	say "guest tools: $guest_cc, $guest_ld, $guest_objcopy"
}

# A value may hold what make would take for its own.
assign() {
	printf '%s := %s\n' "$1" "$(printf '%s' "$2" | sed 's/\$/$$/g; s/#/\\#/g')"
}

# Writes $1 from stdin, at once or not at all; and not if it says the same already, as all objects
# depend on it.
put() {
	cat >"$1.tmp"
	if cmp -s "$1.tmp" "$1"; then
		rm -f "$1.tmp"
	else
		mv "$1.tmp" "$1"
	fi
}

write_config() {
	{
		say "# Generated by configure.sh; run it again to change it."
		assign SRC "$src"
		assign PREFIX "$prefix"
		assign BINDIR "$bindir"
		assign LIBDIR "$libdir"
		assign INCLUDEDIR "$includedir"
		assign DATADIR "$datadir"
		assign MANDIR "$mandir"
		assign ARCH "$arch"
		assign OS "$os"
		assign STUBS "$stubs"
		assign BACKEND "$backend"
		assign CROSS "$cross"
		assign MODULES "$modules"
		assign MONITOR_CC "$monitor_cc"
		assign MONITOR_AR "$monitor_ar"
		assign MONITOR_OBJCOPY "$monitor_objcopy"
		assign MONITOR_CFLAGS "$monitor_cflags"
		assign MONITOR_LDFLAGS "$monitor_ldflags"
		assign LINKER "$linker"
		assign SYSTEM_LIBS "$system_libs"
		assign PORTS "$ports"
		assign BUILD_PORTS "$build_ports"
		assign WERROR "$werror"
		assign HARDEN "$harden"
		assign SANITIZE "$sanitize_flags"
		assign STATIC "$static"
		assign LIBELF "$libelf"
		assign LINKED "$linked"
		assign CMOCKA "$cmocka"
		assign TEST_LINK "$test_link"
		assign BUILD_CC "$build_cc"
		assign SANDBOX "$sandbox"
		assign USDT "$usdt"
		assign BUILD_SECCOMP "$build_seccomp"
		assign BUILD_LIBELF "$build_libelf"
		assign BINDINGS "$bindings"
		assign GUEST_CC "$guest_cc"
		assign GUEST_LD "$guest_ld"
		assign GUEST_OBJCOPY "$guest_objcopy"
	} | put config.mk
	put GNUmakefile <<'EOM'
# Generated by configure.sh.
include config.mk
include $(SRC)/GNUmakefile
EOM
}

enter_build_directory() {
	if [ "$(pwd -P)" = "$src" ]; then
		mkdir -p "build/$arch-$backend"
		cd "build/$arch-$backend"
	fi
	case $src$(pwd -P) in
	*[!A-Za-z0-9_./+,@=-]*) die "make cannot work with a path like this: $src, $(pwd -P)" ;;
	esac
	say "build directory: $(pwd -P)"
	keep_stubs
}

# The compiler finds the stubs where they stay.
keep_stubs() {
	[ "$stubs" = yes ] || return 0
	rm -rf sysroot
	cp -R "$tmp/sysroot" sysroot
	monitor_cc="$target_cc --sysroot=$(pwd -P)/sysroot"
}

src=$(cd "$(dirname "$0")" && pwd -P)
prefix=/usr/local bindir='' libdir='' includedir='' datadir='' mandir=''
backend='' werror='' sanitize='' dynamic='' bindings=yes sandbox=yes usdt=no modules='' modules_given=no
parse_options "$@"
check_options
monitor_cflags=${MONITOR_CFLAGS-${CPPFLAGS:+$CPPFLAGS }${CFLAGS--O2 -g}}
monitor_ldflags=${MONITOR_LDFLAGS-${LDFLAGS-}}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

find_monitor_compiler
choose_target
name_packages
find_archiver
find_sysroot
find_ports
choose_modules
choose_flags
find_libelf
find_linked
find_usdt
find_cmocka
choose_bindings
find_build_compiler
find_seccomp
find_build_tools
find_guest_tools
enter_build_directory
write_config
