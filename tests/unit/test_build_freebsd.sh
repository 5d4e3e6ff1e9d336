#!/bin/sh
# SPDX-License-Identifier: ISC
# test_build_freebsd.sh: configure.sh for FreeBSD: what it makes of a sysroot, and what stubs show.
#
# The stage freebsd of scripts/check compiles and links everything; here little is compiled.
set -u

src=$(cd "${SRC:-$(dirname "$0")/../..}" && pwd -P)
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES MONITOR_CC MONITOR_SYSROOT MONITOR_AR
unset CC AR CFLAGS CPPFLAGS LDFLAGS PKG_CONFIG
tmp=$(mktemp -d) || exit 1
tmp=$(cd "$tmp" && pwd -P)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
number=0
cc='clang --target=x86_64-unknown-freebsd15.0'

# check NAME COMMAND...: the command succeeds; what it prints is shown if not.
check() {
	number=$((number + 1))
	name=$1
	shift
	if "$@" >"$tmp/log" 2>&1; then
		echo "ok $number - $name"
	else
		echo "not ok $number - $name"
		sed 's/^/# /' "$tmp/log"
	fi
}

if ! command -v clang >/dev/null || ! command -v ld.lld >/dev/null; then
	printf '1..1\nok 1 - builds for FreeBSD # SKIP no clang or ld.lld\n'
	exit 0
fi

# configure DIR WORD...: there, without anything for guests.
configure() {
	mkdir -p "$tmp/$1" && cd "$tmp/$1" && shift && "$src/configure.sh" --disable-bindings "$@"
}

# says DIR LINE: config.mk has it.
says() { grep -qxF "$2" "$tmp/$1/config.mk" || { echo "no $2"; return 1; }; }

without_sysroot() {
	configure stubs "MONITOR_CC=$cc" >"$tmp/said" && cat "$tmp/said" &&
		says stubs 'OS := freebsd' && says stubs 'BACKEND := vmm' && says stubs 'STUBS := yes' &&
		says stubs 'STATIC := -static' && ! grep mbranch-protection config.mk && grep 'does not run' "$tmp/said"
}

# fails MESSAGE COMMAND...: it does, and says so.
fails() {
	wanted=$1
	shift
	! "$@" >"$tmp/said" 2>&1 && cat "$tmp/said" && grep -qF "$wanted" "$tmp/said"
}

# In the build directory, which may be the only place that is left.
stubs_stay() {
	says stubs "MONITOR_CC := $cc --sysroot=$tmp/stubs/sysroot" &&
		make -C "$tmp/stubs" WERROR=-Werror obj/monitor/clock.o
}

# link SOURCE: as the monitor is linked.
link() {
	echo "$1" >"$tmp/program.c"
	# shellcheck disable=SC2086 # words
	$cc --sysroot="$tmp/stubs/sysroot" -Wall -Werror -static -fuse-ld=lld -o "$tmp/program" \
		"$tmp/program.c" -lelf -lpthread
}

what_there_is() {
	link '#include <libelf.h>
		#include <pthread.h>
		int main(void) { return elf_version(1) == 0 && pthread_self() != 0; }'
}

# Not declared, or declared by whoever calls it.
linux_only() {
	fails MAP_NORESERVE link '#include <sys/mman.h>
		int main(void) { return MAP_NORESERVE; }' &&
		fails sys/prctl.h link '#include <sys/prctl.h>
		int main(void) { return 0; }' &&
		fails 'undefined symbol: prctl' link 'int prctl(int);
		int main(void) { return prctl(0); }'
}

not_installed() {
	fails 'linked with stubs' make -C "$tmp/stubs" install DESTDIR="$tmp/dest" &&
		[ ! -e "$tmp/dest" ] && fails 'linked with stubs' make -C "$tmp/stubs" check-unit
}

# What a sysroot has is for the compiler to find; it may be one of stubs.
with_sysroot() {
	cp -R "$tmp/stubs/sysroot" "$tmp/root" || return
	configure real "MONITOR_CC=$cc" "MONITOR_SYSROOT=$tmp/root" &&
		says real "MONITOR_CC := $cc --sysroot=$tmp/root" && says real 'STUBS := no'
}

compiler_from_sysroot() {
	printf '#undef __FreeBSD_version\n#define __FreeBSD_version 1402000\n' >"$tmp/root/usr/include/osreldate.h"
	MONITOR_SYSROOT=$tmp/root configure found --backend=vmm &&
		says found "MONITOR_CC := clang --target=x86_64-unknown-freebsd14.0 --sysroot=$tmp/root" ||
		return
	# As the source has it, and a path from here.
	mv "$tmp/root/usr/include/osreldate.h" "$tmp/release.h"
	cp "$tmp/root/usr/include/sys/param.h" "$tmp/param.h"
	echo '#define __FreeBSD_version 1500068	/* Master, propagated to newvers */' \
		>>"$tmp/root/usr/include/sys/param.h"
	cd "$tmp/found" && "$src/configure.sh" --disable-bindings MONITOR_SYSROOT=../root &&
		says found "MONITOR_CC := clang --target=x86_64-unknown-freebsd15.0 --sysroot=$tmp/root" ||
		return
	cp "$tmp/param.h" "$tmp/root/usr/include/sys/param.h"
	mv "$tmp/release.h" "$tmp/root/usr/include/osreldate.h"
}

# Some have the libraries of the system, and none of the compiler's, or threads under their own name.
few_libraries() {
	cp -R "$tmp/root" "$tmp/few" && cd "$tmp/few/usr/lib" && mv libpthread.a libthr.a &&
		rm libgcc.a libgcc_eh.a &&
		configure poor "MONITOR_CC=$cc" "MONITOR_SYSROOT=$tmp/few" &&
		says poor 'SYSTEM_LIBS := -nodefaultlibs -lthr -lc' && says poor 'STUBS := no' &&
		says stubs 'SYSTEM_LIBS := -lpthread'
}

# The compiler's own words say where everything is: no stubs instead, even if that is wrong.
sysroot_in_words() {
	configure words "MONITOR_CC=$cc --sysroot=$tmp/root" && says words 'STUBS := no' &&
		says words "MONITOR_CC := $cc --sysroot=$tmp/root" &&
		refused 'cannot link a program' "MONITOR_CC=$cc --sysroot=$tmp/nowhere"
}

# refused WORDS MESSAGE...: configure.sh fails and says so.
refused() {
	message=$1
	shift
	fails "$message" configure refused "$@"
}

bad_sysroots() {
	refused 'MONITOR_SYSROOT: there is no directory /nonexistent' MONITOR_SYSROOT=/nonexistent ||
		return
	mkdir -p "$tmp/empty/usr/include"
	refused 'cannot link a program: MONITOR_SYSROOT names' "MONITOR_CC=$cc" "MONITOR_SYSROOT=$tmp/empty" ||
		return
	cp "$tmp/root/usr/include/osreldate.h" "$tmp/empty/usr/include"
	refused "no $tmp/empty/usr/lib/crt1.o" "MONITOR_SYSROOT=$tmp/empty" || return
	rm "$tmp/root/usr/lib/libelf.a"
	refused 'no libelf to link with -static: it is in FreeBSD' "MONITOR_CC=$cc" "MONITOR_SYSROOT=$tmp/root"
}

other_backend() {
	refused 'backend kvm does not run on FreeBSD' --backend=kvm "MONITOR_CC=$cc"
}

check "without a sysroot, sources are checked against stubs" without_sysroot
check "the compiler goes on to find the stubs" stubs_stay
check "what FreeBSD has is declared and linked" what_there_is
check "what only Linux has is not" linux_only
check "what was linked with stubs is neither tested nor installed" not_installed
check "a sysroot is used for all that is compiled and linked" with_sysroot
check "a sysroot alone says what to compile for" compiler_from_sysroot
check "a sysroot may have few libraries" few_libraries
check "a compiler that knows its sysroot is left alone" sysroot_in_words
check "a sysroot that lacks something is told" bad_sysroots
check "KVM is not to be had on FreeBSD" other_backend
echo "1..$number"
