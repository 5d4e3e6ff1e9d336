#!/bin/sh
# SPDX-License-Identifier: ISC
# sysroot.sh DIR AR CC...: makes what a compiler needs to check sources for FreeBSD, and no more.
#
# Headers are those of include/ here: what husk and its tests use, as FreeBSD's manual pages have it.
# Libraries define each function that these headers declare, without a body: a program that links
# uses nothing that FreeBSD lacks, and does nothing. Unit tests get the cmocka.h of this machine.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
dir=$1 ar=$2
shift 2
rm -rf "$dir"
mkdir -p "$dir/usr/lib"
cp -R "$here/include" "$dir/usr/include"
cd "$dir/usr/lib"

# assemble NAME CC...: from stdin.
assemble() {
	name=$1
	shift
	cat >"$name.s"
	"$@" -x assembler -c -o "$name" "$name.s"
	rm "$name.s"
}

# library NAME KIND CC...: defines the symbols of stdin, which are of this kind.
library() {
	library=lib$1.a kind=$2
	shift 2
	sort -u | while read -r symbol; do
		printf '.globl %s\n.type %s, @%s\n%s:\n' "$symbol" "$symbol" "$kind" "$symbol"
	done | assemble "$library.$kind.o" "$@"
	"$ar" rcs "$library" "$library.$kind.o"
	rm "$library.$kind.o"
}

# The functions that headers declare, which they do at the start of a line.
declared() {
	sed -n -e 's/^[A-Za-z][A-Za-z0-9_ *]*[ *]\([a-z_][A-Za-z0-9_]*\)(.*/\1/p' \
		-e 's/^void (\*\([a-z]*\)(.*/\1/p' "$@"
}

declared ../include/pthread.h ../include/semaphore.h >threads
declared ../include/libelf.h >elf
find ../include -name '*.h' -exec cat {} + | declared | grep -vxF -f threads -f elf >c

# What compilers call by themselves.
printf '%s\n' bcmp __clear_cache __stack_chk_fail >>c
library pthread function "$@" <threads
library elf function "$@" <elf
library c function "$@" <c
printf '%s\n' __stdinp __stdoutp __stderrp __stack_chk_guard | library c object "$@"
rm threads elf c

for empty in crti crtn crtbegin crtbeginS crtbeginT crtend crtendS; do
	assemble $empty.o "$@" </dev/null
done
for start in crt1 Scrt1; do
	printf '.globl _start\n_start:\n.quad main\n' | assemble $start.o "$@"
done
for empty in gcc gcc_eh; do
	"$ar" rcs lib$empty.a
done

header=$(echo '#include <cmocka.h>' |
	${BUILD_CC:-cc} -include stdarg.h -include stddef.h -include setjmp.h -include stdint.h -M -x c - \
		2>/dev/null | tr ' ' '\n' | grep '/cmocka\.h$' || true)
[ -n "$header" ] || exit 0
cp "${header%/*}"/cmocka*.h ../include/
grep -ohE '\b(_assert_[a-z_]+|_fail|_skip|_will_return|_mock|_check_expected|_expect_[a-z_]+|_cmocka_run_group_tests|print_message|print_error|mock_assert)\b' \
	../include/cmocka*.h | library cmocka function "$@"
printf '%s\n' global_expect_assert_env global_expecting_assert global_last_failed_assert |
	library cmocka object "$@"
