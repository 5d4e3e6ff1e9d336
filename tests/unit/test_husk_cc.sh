#!/bin/sh
# SPDX-License-Identifier: ISC
# test_husk_cc.sh: what husk-cc refuses to write over, and what it adds to a compiler's messages.
set -u

build=${BUILD:-.}
cc=$build/obj/bindings/husk-cc
case $cc in /*) ;; *) cc=$PWD/$cc ;; esac
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
number=0

if [ ! -x "$cc" ]; then
	echo "1..0 # SKIP the bindings are not built: $cc"
	exit 0
fi
wrapper=$(echo "${cc%/*}"/*-solo5-none-static-cc)
ld=${wrapper%-cc}-ld

# check NAME REASON: passed if the reason is empty.
check() {
	number=$((number + 1))
	if [ -z "$2" ]; then
		echo "ok $number - $1"
	else
		echo "not ok $number - $1"
		printf '%s\n' "$2" | sed 's/^/# /'
	fi
}

cd "$tmp" || exit 1
cat >hello.c <<'EOM'
#include <solo5.h>
int solo5_app_main(const struct solo5_start_info *info)
{
	(void)info;
	return 0;
}
EOM
cp hello.c other.c
ln hello.c linked.out
ln -s hello.c symbolic.out
mkdir folder
echo 'int unused;' >header.h
echo '{"type":"solo5.manifest","version":1,"devices":[]}' >manifest.json
cp hello.c saved.c
cp manifest.json saved.json

# What is wrong after a command that was to be refused with a line like $1.
damage() {
	[ "$status" -ne 0 ] || echo "status 0"
	[ "$(wc -l <said)" -eq 1 ] || echo "not one line: $(cat said)"
	grep -q -e "$1" said || echo "nothing like '$1': $(cat said)"
	for source in hello.c other.c linked.out symbolic.out; do
		cmp -s "$source" saved.c || echo "$source was written over"
	done
	cmp -s manifest.json saved.json || echo "manifest.json was written over"
	[ -s header.h ] || echo "header.h was written over"
	[ ! -e a.out ] || echo "a.out was written"
}

# refuses PATTERN WORD...: husk-cc ends with a line, and nothing is written.
refuses() {
	pattern=$1
	shift
	"$cc" "$@" >said 2>&1
	status=$?
	check "husk-cc $*" "$(damage "$pattern")"
}

# ---- what is written over ----

over='would be overwritten'
refuses "$over" -o hello.c
refuses "$over" -O2 -o hello.c
refuses "$over" -ohello.c
refuses "$over" --output hello.c
refuses "$over" --output=hello.c
refuses "$over" -o hello.c hello.c
refuses "$over" -o hello.c other.c
refuses "$over" -o ./hello.c other.c
refuses "$over" -o folder/../hello.c hello.c
refuses "$over" -o linked.out hello.c
refuses "$over" -o symbolic.out hello.c
refuses "$over" -c -o hello.c other.c
refuses "$over" -S -o linked.out hello.c
refuses "$over" -E -o hello.c hello.c
refuses "$over" -o header.h hello.c
refuses "$over" -o manifest.json hello.c
refuses "$over" -omanifest.json hello.c
refuses "$over" --output=manifest.json hello.c
refuses "$over" -o new.json hello.c manifest.json
refuses "$over" -MD -MF hello.c -o image other.c
refuses "$over" -MD -MFhello.c -o image other.c
refuses "$over" -Wp,-MD,hello.c -o image other.c
refuses "$over" -Wl,-Map=hello.c -o image other.c
refuses "$over" -Wl,--gc-sections,-Map,hello.c -o image other.c
refuses "$over" -Xlinker -Map -Xlinker hello.c -o image other.c
refuses "$over" -Wl,-o,hello.c other.c

refuses 'no input files'
refuses 'no input files' -O2
refuses 'no input files' -o image
refuses 'no input files' -I folder -D hello.c -o image
refuses 'no input files' -Wl,--gc-sections
refuses 'makes no image' manifest.json
refuses 'an option alone makes no image' --libc
refuses 'is the last word' hello.c -o
refuses 'is the last word' -c hello.c -I
refuses 'is the last word' -o image hello.c manifest.json -Xlinker
refuses 'is the last word' -MD hello.c -o image -MF

HUSK_CC=nonesuch "$cc" -o image hello.c >said 2>&1
status=$?
check 'a compiler that is not there is told once' "$(damage "cannot run the compiler 'nonesuch'")"

# The tools that it calls, which build systems call too.
for words in '-z solo5-abi=hvt -o hello.c' '-o hello.c' '-z solo5-abi=hvt -o linked.out hello.c'; do
	# shellcheck disable=SC2086 # words
	"$wrapper" $words >said 2>&1
	status=$?
	check "the wrapper of the compiler: $words" "$(damage "$over")"
done
"$ld" -z solo5-abi=hvt -o hello.c >said 2>&1
status=$?
check "the wrapper of the linker" "$(damage "$over")"

# ---- what is not ----

# makes FILE WORD...: it is taken.
makes() {
	file=$1
	shift
	"$cc" "$@" >said 2>&1
	status=$?
	check "husk-cc $*" "$([ $status -eq 0 ] || echo "status $status: $(cat said)"; [ -s "$file" ] || echo "there is no $file")"
}

makes image -o image hello.c
makes image -o image hello.c
makes image hello.c manifest.json -oimage
makes hello.o -c hello.c
makes hello.s -S hello.c
makes hello.s -S -o hello.s hello.c
makes made.h -E -P -o made.h header.h
makes hello.d -MD -MF hello.d -o image hello.c
makes image.map -Wl,-Map=image.map -o image hello.c
makes image -include header.h -o image hello.o
"$wrapper" -Wl,--version >said 2>&1
check "a question to the linker needs no input" "$(! grep -q 'no input' said || cat said)"

makes image -g -O2 -o image hello.c
if command -v addr2line >/dev/null; then
	at=$(nm image | sed -n 's/ T solo5_app_main$//p')
	check "with -g addresses have lines" "$(addr2line -e image "0x$at" | grep -v 'hello.c:[0-9]')"
fi

# ---- what is missing ----

# tells NAME PATTERN...: husk-cc fails with the compiler's messages and a line like each.
tells() {
	what=$1
	shift
	"$cc" -w -o image wrong.c >said 2>&1
	status=$?
	for pattern; do
		grep -q -e "^husk-cc: $pattern" said || echo "nothing like '$pattern'"
	done >wrong
	[ $status -ne 0 ] || echo 'status 0' >>wrong
	check "$what" "$(cat wrong; [ ! -s wrong ] || cat said)"
}

echo 'int unused;' >wrong.c
tells 'no solo5_app_main' 'an image starts at solo5_app_main(), and none of the files has it: write int'
echo 'int main(void) { return 0; }' >wrong.c
tells 'a main' 'wrong.c has a main(), which nothing calls: a unikernel starts at int solo5_app_main(const struct'
cat >wrong.c <<'EOM'
#include <solo5.h>
int printf(const char *, ...);
void *malloc(size_t);
char *strchr(const char *, int);
int solo5_app_main(const struct solo5_start_info *i)
{
	printf("%p\n", malloc(4));
	return strchr(i->cmdline, 'x') != NULL;
}
EOM
tells "functions of a C library" "printf() is a C library's.*solo5_console_write()" \
	"malloc() is a C library's.*heap_start" "strchr() is a C library's.*bring one"
echo '#include <stdio.h>' >wrong.c
tells "a header of a C library" "<stdio.h> is a C library's, and there is none here: solo5.h has"
"$cc" -c wrong.c >said 2>&1
check 'the same with -c' "$(grep -q '^husk-cc: <stdio.h>' said || echo "it said: $(cat said)")"
echo 'int f(void) { return undeclared; }' >wrong.c
"$cc" -o image wrong.c >said 2>&1
check "other errors are the compiler's" "$(! grep '^husk-cc:' said)"

# ---- the C library, which may be there or not ----

XDG_DATA_HOME=$tmp/data HUSK_LIBC=$tmp/none
export XDG_DATA_HOME HUSK_LIBC
refuses '--libc: there is no newlib in .*: run .*/fetch-libc once' --libc -o image hello.c
check 'where it is to be' "$([ "$("$cc" -print-libc)" = "$tmp/none" ] || "$cc" -print-libc)"
check 'the compiler that builds it' "$([ "$("$cc" -print-compiler)" = "$wrapper" ] || "$cc" -print-compiler)"
mkdir -p none/lib none/include && : >none/lib/libhusk_libc.a && echo 'int declared_there;' >none/include/stdio.h
echo '#include <stdio.h>' >there.c
makes there.o --libc -c there.c
cat >wrong.c <<'EOM'
int printf(const char *, ...);
int socket(int, int, int);
int main(void) { return printf("") + socket(0, 0, 0); }
EOM
rm -r none
tells 'how to get it' "printf() is a C library's.*; or use husk-cc --libc, which has it once .*/fetch-libc has been run" \
	"wrong.c has a main().*; or use husk-cc --libc" "socket() is a C library's.*of which lwIP makes connections$"
unset HUSK_LIBC

# ---- what an image wants of husk's additions ----

# wants NAME EXPECTED WORD...: the features in the first note of the image that the words make.
wants() {
	name=$1 expected=$2
	shift 2
	"$cc" -o image.hvt "$@" >said 2>&1 && "${wrapper%-cc}-objcopy" -O binary -j .note.husk image.hvt note
	wanted=$(head -c 16 note | tail -c 4)$(od -An -tu4 -j20 -N8 note | tr -s ' ')
	[ "$wanted" = "Husk 1 $expected" ] && wanted= || wanted="it wants: $wanted; $(cat said)"
	check "$name" "$wanted"
}

echo '{"type":"solo5.manifest","version":1,"devices":[{"name":"a","type":"BLOCK_BASIC"},
	{"name":"b","type":"VSOCK"}]}' >vsock.json
printf '#include <husk_abi.h>\nHUSK_IMAGE_WANTS(5);\n' >wants.c
wants 'an image without devices wants what the bindings make use of' 6 hello.c
wants 'one with other devices too' 6 hello.c manifest.json
wants 'one with a disk and a vsock device wants what is for these' 3 hello.c vsock.json
wants 'one that says what it wants is not asked further' 5 hello.c wants.c vsock.json
wants 'the same without devices' 5 wants.c hello.c

printf '%s\n' '#define MFT_ENTRIES 1' '#include "mft_abi.h"' MFT1_NOTE_DECLARE_BEGIN \
	'{ .version = MFT_VERSION, .entries = 1, .e = { { .type = MFT_RESERVED_FIRST } } }' \
	MFT1_NOTE_DECLARE_END >manifest.c
wants "a manifest in Solo5's words takes the place of none" 6 hello.c manifest.c

echo "1..$number"
