#!/bin/sh
# SPDX-License-Identifier: ISC
# test_husk_manifest.sh: what husk-manifest makes of JSON, and what it reads from images.
#
# Looks for the program in $BUILD. Images are written byte by byte, so no linker is needed.
set -u

T=$(mktemp -d "${TMPDIR:-/tmp}/husk-manifest.XXXXXX") || exit 1
trap 'rm -rf "$T"' EXIT
trap 'exit 1' HUP INT TERM
count=0 failures=0 status=0
tool=${BUILD:-.}/husk-manifest
if [ ! -x "$tool" ]; then
	echo "1..0 # SKIP there is no $tool"
	exit 0
fi
tool=$(cd "$(dirname "$tool")" && pwd)/husk-manifest
cd "$T" || exit 1
mkdir bin out
ln -s "$tool" bin/husk-manifest
ln -s "$tool" bin/solo5-elftool
PATH=$T/bin:$PATH

# report NAME REASON: passed if the reason is empty.
report() {
	count=$((count + 1))
	if [ -z "$2" ]; then
		echo "ok $count - $1"
		return
	fi
	failures=$((failures + 1))
	printf 'not ok %s - %s\n# %s\n' "$count" "$1" "$2"
	sed 's/^/# stderr: /' err
}

skip() {
	count=$((count + 1))
	echo "ok $count - $1 # SKIP $2"
}

# run COMMAND...: leaves stdout, stderr and $status.
run() {
	"$@" >stdout 2>err </dev/null
	status=$?
}

# expect NAME STATUS STDOUT STDERR, after run
expect() {
	why=
	[ "$status" -eq "$2" ] || why="status $status, expected $2"
	[ "$(cat stdout)" = "$3" ] || why="$why; stdout is not '$3'"
	[ "$(cat err)" = "$4" ] || why="$why; stderr is not '$4'"
	report "$1" "$why"
}

# expect_match NAME STATUS STDERR-PART
expect_match() {
	why=
	[ "$status" -eq "$2" ] || why="status $status, expected $2"
	grep -qF -- "$3" err || why="$why; stderr lacks '$3'"
	report "$1" "$why"
}

# manifest DEVICES: JSON with that as its list of devices
manifest() {
	printf '{ "type": "solo5.manifest", "version": 1, "devices": [%s] }\n' "$1"
}

# devices N: that many, with names of their own
devices() {
	i=1 comma=''
	while [ "$i" -le "$1" ]; do
		printf '%s{"name":"d%d","type":"BLOCK_BASIC"}' "$comma" "$i"
		i=$((i + 1)) comma=,
	done
}

net='{ "name": "service0", "type": "NET_BASIC" }'
manifest "$net" >net.json

# ---- bytes ----

# byte N...: these bytes
byte() {
	for b; do
		# shellcheck disable=SC2059 # the format is the byte
		printf "\\$(printf %03o "$b")"
	done
}

word() {
	for w; do
		byte $((w & 255)) $((w >> 8 & 255)) $((w >> 16 & 255)) $((w >> 24 & 255))
	done
}

zeros() {
	head -c "$1" /dev/zero
}

# name NAME: in the 68 bytes of an entry
name() {
	printf %s "$1"
	zeros $((68 - ${#1}))
}

note_head() { word 6 "$1" "$2"; printf 'Solo5'; zeros 3; }
reserved() { zeros 68; word 0x40000000; zeros 32; }

# The record of a network device "service0", from the format's description.
{
	note_head 220 0x3154464d		# 0xdc, "MFT1"
	word 0 1 2
	reserved
	name service0
	word 2
	zeros 32
} >net.note
# wants FEATURES: the note by which an image wants them
wants() { word 5 8 1; printf 'Husk'; zeros 4; word 1 "$1"; }
{ cat net.note; wants 4; } >net_wants.note
# Nothing but the reserved entry.
{ note_head 116 0x3154464d; word 0 1 1; reserved; } >none.note
# A vsock device "service", likewise.
{
	note_head 220 0x3154464d
	word 0 1 2
	reserved
	name service
	word 0x56534b
	zeros 32
	wants 1
} >vsock.note
# Target hvt, version 2
{ note_head 16 0x31494241; word 1 2 0 0; } >abi.note

# elf NOTE...: an executable with nothing but these, one program header each
elf() {
	at=$((64 + 56 * $#))
	printf '\177ELF'
	byte 2 1 1 0 0 0 0 0 0 0 0 0 2 0 62 0
	word 1 1048576 0 64 0 0 0 0
	byte 64 0 56 0 $# 0 0 0 0 0 0 0
	for note; do
		size=$(wc -c <"$note")
		word 4 4 $at 0 0 0 0 0 $((size)) 0 $((size)) 0 4 0
		at=$((at + size))
	done
	cat "$@"
}

# ---- the generated C ----

# note_of C OBJECT COMPILER...: compiles and leaves the section in C.note, and what it wants behind
note_of() {
	c=$1 objcopy=$2
	shift 2
	"$@" -std=c11 -Wall -Wextra -Wpedantic -Werror -ffreestanding -c -o "$c.o" "$c.c" 2>err &&
		$objcopy -O binary -j .note.solo5.manifest "$c.o" "$c.note" || return
	: >"$c.wants"
	$objcopy -O binary -j .note.husk_manifest "$c.o" "$c.wants" 2>err
	cat "$c.wants" >>"$c.note"
}

# compiles_to NAME C NOTE: with every compiler that is there
compiles_to() {
	for cc in gcc clang aarch64-linux-gnu-gcc; do
		objcopy=objcopy
		case $cc in aarch64*) objcopy=aarch64-linux-gnu-objcopy ;; esac
		if ! command -v "$cc" >/dev/null || ! command -v "$objcopy" >/dev/null; then
			skip "$1 ($cc)" "there is no $cc or $objcopy"
			continue
		fi
		: >err
		why=
		note_of "$2" "$objcopy" "$cc" || why='does not compile'
		cmp "$2.note" "$3" >>err 2>&1 || why="$why; other bytes"
		report "$1 ($cc)" "$why"
	done
}

run husk-manifest gen net.json out/net.c
expect 'gen says nothing when it succeeds' 0 '' ''
compiles_to 'one network device becomes the bytes of its note, and wants queues' out/net net_wants.note
why=
grep -q include out/net.c && why='it includes something'
report 'the generated source stands alone' "$why"
manifest '{"name":"service","type":"VSOCK"}' >vsock.json
husk-manifest gen vsock.json out/vsock.c
compiles_to 'a vsock device brings what it needs along' out/vsock vsock.note
manifest '' >none.json
husk-manifest gen none.json out/none.c
compiles_to 'no device becomes the reserved entry alone' out/none none.note
manifest "$(devices 63)" >many.json
husk-manifest gen many.json out/many.c 2>err
why=
note_of out/many objcopy "${MONITOR_CC:-cc}" || why='does not compile'
[ "$(wc -c <out/many.note)" -eq $((6688 + 28)) ] || why="$why; $(wc -c <out/many.note) bytes, not 6688 + 28"
case ${MONITOR_CC:-cc}-${CROSS:-no} in
*' '* | *-yes) skip '63 devices fill 6688 bytes, and 28 say what is for them' 'for another machine' ;;
*) report '63 devices fill 6688 bytes, and 28 say what is for them' "$why" ;;
esac

# ---- a manifest.c as Solo5's elftool writes it ----

# solo5_manifest [TYPE NAME]...
solo5_manifest() {
	n=$(($# / 2 + 1))
	printf '#define MFT_ENTRIES %d\n#include "mft_abi.h"\nMFT1_NOTE_DECLARE_BEGIN\n{\n' "$n"
	printf '.version = MFT_VERSION, .entries = %d,\n.e = {\n' "$n"
	printf '{ .name = "", .type = MFT_RESERVED_FIRST },\n'
	[ $# -eq 0 ] || printf '{ .type = MFT_DEV_%s, .name = "%s" },\n' "$@"
	printf '} }\nMFT1_NOTE_DECLARE_END\n'
}

export C_INCLUDE_PATH="${SRC:-.}/include"
solo5_manifest NET_BASIC service0 >out/solo5_net.c
compiles_to "one network device in Solo5's words" out/solo5_net net.note
solo5_manifest >out/solo5_none.c
compiles_to "no device in Solo5's words" out/solo5_none none.note
cat >out/solo5_abi.c <<'END'
#include "elf_abi.h"
#include "hvt_abi.h"
ABI1_NOTE_DECLARE_BEGIN
{ .abi_target = HVT_ABI_TARGET, .abi_version = HVT_ABI_VERSION }
ABI1_NOTE_DECLARE_END
END
why=
gcc -std=c11 -Wall -Wextra -Wpedantic -Werror -c -o out/solo5_abi.o out/solo5_abi.c 2>err &&
	objcopy -O binary -j .note.solo5.abi out/solo5_abi.o out/solo5_abi.note || why='does not compile'
{ word 6 16 0x31494241; printf 'Solo5\0\0\0'; word 1 2 0 0; } >abi.note
cmp out/solo5_abi.note abi.note >>err 2>&1 || why="$why; other bytes"
report "an ABI note in Solo5's words" "$why"
unset C_INCLUDE_PATH

husk-manifest gen - - <net.json >stdout 2>err
why=
cmp stdout out/net.c >>err 2>&1 || why='not the same as with files'
report 'a dash is standard input and output' "$why"
printf '{"devices":\n[{"type":"NET_BASIC",\t"name":"\\u0073ervice0"}],
"version":1,"type":"solo5.manifest"}' | husk-manifest gen - - >stdout 2>err
why=
cmp stdout out/net.c >>err 2>&1 || why='not the same'
report 'order, blanks and escapes do not matter' "$why"

# ---- what is refused, with the output as it was ----

echo old >out/kept

# refuse NAME MESSAGE JSON
refuse() {
	printf '%s\n' "$3" >bad.json
	run husk-manifest gen bad.json out/new
	why=
	[ ! -e out/new ] || why='it left an output'
	rm -f out/new
	[ "$status" -eq 1 ] || why="$why; status $status"
	[ "$(cat err)" = "husk-manifest: bad.json$2" ] || why="$why; not '$2'"
	husk-manifest gen bad.json out/kept 2>/dev/null
	[ "$(cat out/kept)" = old ] || why="$why; it changed an output"
	report "refused: $1" "$why"
}

# The same, for what the first list of keys holds, and for the only device.
refuse_root() { refuse "$1" "$2" "{$3}"; }
refuse_device() { refuse "$1" "$2" "$(manifest "$3")"; }

long=$(printf %067d 0)
refuse 'nothing' ':2: premature EOF in JSON data' ''
refuse 'half of a manifest' ':3: premature EOF in JSON data' '{
"type": "solo5.manifest",'
refuse 'a syntax error' ":3: ':' expected near '5' in JSON data" '{

"type" 5}'
refuse_device 'a trailing comma' ":1: unexpected token near ']' in JSON data" "$net,"
refuse_device 'a missing comma' ":1: ']' expected near '{' in JSON data" "$net $net"
refuse 'trailing garbage' ":2: end of file expected near '[' in JSON data" "$(manifest "$net")
[]"
refuse 'an array' ': (root): expected OBJECT, got ARRAY' '[]'
refuse 'a string' ': (root): expected OBJECT, got STRING' '"x"'
refuse 'null' ': (root): expected OBJECT, got NULL' 'null'

refuse_root 'an empty object' ': (root): missing .type' ''
refuse_root 'no version' ': (root): missing .version' '"type":"solo5.manifest","devices":[]'
refuse_root 'no devices' ': (root): missing .devices' '"type":"solo5.manifest","version":1'
refuse_root 'a key twice' ":1: duplicate object key near '\"type\"' in JSON data" \
	'"type":"solo5.manifest","type":"solo5.manifest","version":1,"devices":[]'
refuse_root 'an unknown key' ': (root): unknown key: x' \
	'"type":"solo5.manifest","version":1,"devices":[],"x":1'
refuse_root 'a key that a terminal would obey' ': (root): unknown key: ?[1m' '"\u001b[1m":1'
refuse_root 'a type that is a number' ': .type: expected STRING, got INTEGER' \
	'"type":1,"version":1,"devices":[]'
refuse_root 'another type' ': .type: invalid value, expected "solo5.manifest"' \
	'"type":"solo5","version":1,"devices":[]'
refuse_root 'a fractional version' ': .version: expected INTEGER, got REAL' \
	'"type":"solo5.manifest","version":1.0,"devices":[]'
refuse_root 'another version' ': .version: invalid version 2, expected 1' \
	'"type":"solo5.manifest","version":2,"devices":[]'
refuse_root 'a version that would wrap' ': .version: invalid version 4294967297, expected 1' \
	'"type":"solo5.manifest","version":4294967297,"devices":[]'
refuse_root 'a version that is true' ': .version: expected INTEGER, got BOOLEAN' \
	'"type":"solo5.manifest","version":true,"devices":[]'
refuse_root 'devices in an object' ': .devices: expected ARRAY, got OBJECT' \
	'"type":"solo5.manifest","version":1,"devices":{}'

refuse_device 'a device that is a number' ': .devices[0]: expected OBJECT, got INTEGER' '5'
refuse_device 'a device that is an array' ': .devices[1]: expected OBJECT, got ARRAY' "$net, []"
refuse_device 'a device without a type' ': .devices[0]: missing .type' '{"name":"a"}'
refuse_device 'a device without a name' ': .devices[0]: missing .name' '{"type":"NET_BASIC"}'
refuse_device 'a device with more' ': .devices[0]: unknown key: mac' \
	'{"name":"a","type":"NET_BASIC","mac":1}'
refuse_device 'a name that is a number' ': .devices[0].name: expected STRING, got INTEGER' \
	'{"name":5,"type":"NET_BASIC"}'
refuse_device 'an empty name' ': .devices[0].name: may not be empty' \
	'{"name":"","type":"NET_BASIC"}'
refuse_device 'a name of 68 characters' ': .devices[0].name: too long, maximum 67 characters' \
	"{\"name\":\"x$long\",\"type\":\"NET_BASIC\"}"
refuse_device 'a name with a hyphen' ': .devices[0].name: not alphanumeric: a-b' \
	'{"name":"a-b","type":"NET_BASIC"}'
refuse_device 'a name with a NUL' \
	":1: \\u0000 is not allowed without JSON_ALLOW_NUL near '\"a\\u0000\"' in JSON data" \
	'{"name":"a\u0000","type":"NET_BASIC"}'
refuse_device 'a device type of null' ': .devices[0].type: expected STRING, got NULL' \
	'{"name":"a","type":null}'
refuse_device 'an unknown device type' \
	': .devices[0].type: invalid type "NET", expected "BLOCK_BASIC", "NET_BASIC" or "VSOCK"' \
	'{"name":"a","type":"NET"}'
refuse_device 'the reserved device type' \
	': .devices[0].type: invalid type "RESERVED_FIRST", expected "BLOCK_BASIC", "NET_BASIC" or "VSOCK"' \
	'{"name":"a","type":"RESERVED_FIRST"}'
refuse_device 'a device twice' ': .devices[1]: device service0 of type NET_BASIC is declared twice' \
	"$net, $net"
refuse_device '64 devices' ': .devices[]: too many entries, maximum 63' "$(devices 64)"
refuse_device '100 devices' ': .devices[]: too many entries, maximum 63' "$(devices 100)"
refuse 'deep nesting' ":1: maximum parsing depth reached near '[' in JSON data" \
	"$(printf '%0100000d' 0 | tr 0 '[')"
refuse 'a source of more than 1 MiB' ': more than 1048576 bytes are no manifest' \
	"$(printf '%01048576d' 0 | tr 0 '[')"
why=
[ -z "$(find out -name '*.??????')" ] || why='there is one'
report 'no temporary file is left' "$why"

manifest "{\"name\":\"$long\",\"type\":\"NET_BASIC\"},
	{\"name\":\"$long\",\"type\":\"BLOCK_BASIC\"}" >long.json
run husk-manifest gen long.json out/long.c
expect 'a name may have 67 characters, and two devices of different types one name' 0 '' ''

# ---- where the output goes ----

run husk-manifest gen net.json missing/out.c
expect 'a missing directory' 1 '' \
	'husk-manifest: missing/out.c: Could not create: No such file or directory'
run husk-manifest gen missing.json out/x.c
expect 'a missing source' 1 '' \
	'husk-manifest: missing.json: Could not open: No such file or directory'
run husk-manifest gen out -
expect 'a source that is a directory' 1 '' 'husk-manifest: out: Could not read: Is a directory'
run husk-manifest gen net.json out
expect_match 'an output that is a directory' 1 'husk-manifest: out: Could not open: '
if [ -c /dev/full ]; then
	run husk-manifest gen net.json /dev/full
	expect 'an output that is full' 1 '' \
		'husk-manifest: /dev/full: Could not write: No space left on device'
	husk-manifest gen net.json - >/dev/full 2>err
	status=$?
	: >stdout
	expect 'a standard output that is full' 1 '' \
		'husk-manifest: standard output: Could not write: No space left on device'
else
	skip 'an output that is full' 'there is no /dev/full'
	skip 'a standard output that is full' 'there is no /dev/full'
fi

mkfifo pipe
cat pipe >from-pipe &
run husk-manifest gen net.json pipe
wait
why=
[ -p pipe ] || why='the pipe is gone'
cmp from-pipe out/net.c >>err 2>&1 || why="$why; other bytes came out"
report 'a pipe is written to, not replaced' "$why"

echo old >out/target.c
chmod 640 out/target.c
ln -s out/target.c link.c
run husk-manifest gen net.json link.c
why=
[ -L link.c ] || why='the link is gone'
cmp out/target.c out/net.c >>err 2>&1 || why="$why; other bytes"
[ -n "$(find out/target.c -perm 640)" ] || why="$why; other permissions"
report 'a symbolic link and the permissions of its file stay' "$why"
(umask 027 && husk-manifest gen net.json out/masked.c)
why=
[ -n "$(find out/masked.c -perm 640)" ] || why='other permissions'
report 'a new file has the permissions that umask leaves' "$why"

# ---- images ----

elf abi.note net.note >net.hvt
run husk-manifest query net.hvt
expect 'query shows the devices' 0 '{
  "type": "solo5.manifest",
  "version": 1,
  "devices": [
    { "name": "service0", "type": "NET_BASIC" }
  ]
}' ''
run husk-manifest abi net.hvt
expect 'abi shows target and version' 0 '{
  "type": "solo5.abi",
  "target": "hvt",
  "version": 2
}' ''
elf none.note >none.hvt
run husk-manifest query none.hvt
expect 'query shows that there is no device' 0 '{
  "type": "solo5.manifest",
  "version": 1,
  "devices": [
  ]
}' ''
{
	note_head 532 0x3154464d
	word 0 1 5
	reserved
	name a; word 1; zeros 32
	name r; word 0x40000001; zeros 32
	name b; word 77; zeros 32
	name c; word 2; zeros 32
} >odd.note
elf odd.note >odd.hvt
run husk-manifest query odd.hvt
expect 'reserved entries are left out, and unknown types said to be so' 0 '{
  "type": "solo5.manifest",
  "version": 1,
  "devices": [
    { "name": "a", "type": "BLOCK_BASIC" },
    { "name": "b", "type": "<undefined type>" },
    { "name": "c", "type": "NET_BASIC" }
  ]
}' ''
why=
for t in 0-unknown 1-hvt 2-spt 3-virtio 4-muen 5-genode 6-xen 7-unknown; do
	{ note_head 16 0x31494241; word ${t%-*} 9 0 0; } >target.note
	elf target.note >target.hvt
	husk-manifest abi target.hvt >stdout 2>err
	grep -qF "\"target\": \"${t#*-}\"," stdout || why="$why; ${t#*-} is called otherwise"
done
report 'abi knows all targets' "$why"

husk-manifest query net.hvt >again.json
husk-manifest gen again.json out/again.c
why=
cmp out/again.c out/net.c >err 2>&1 || why='not the same'
report 'what query shows, gen takes' "$why"

run husk-manifest abi none.hvt
expect 'an image without an ABI' 1 '' \
	'husk-manifest: none.hvt: No Solo5 ABI information found in executable'
elf abi.note >abi.hvt
run husk-manifest query abi.hvt
expect 'an image without a manifest' 1 '' \
	'husk-manifest: abi.hvt: No Solo5 manifest found in executable'
head -c 300 net.hvt >cut.hvt
run husk-manifest query cut.hvt
expect_match 'an image that is cut short' 1 \
	'husk-manifest: cut.hvt: invalid executable: phdr[1] note does not fall within valid size'
run husk-manifest query net.json
expect_match 'what is no image' 1 \
	'husk-manifest: net.json: invalid executable: this is not an ELF file'
run husk-manifest query missing.hvt
expect 'a missing image' 1 '' \
	'husk-manifest: missing.hvt: Could not open: No such file or directory'
if [ -c /dev/full ]; then
	husk-manifest query net.hvt >/dev/full 2>err
	status=$?
	expect_match 'a query into a full device' 1 'Could not write: No space left on device'
else
	skip 'a query into a full device' 'there is no /dev/full'
fi

# ---- the command line ----

for name in husk-manifest solo5-elftool; do
	why=
	"$name" gen-manifest net.json out/1.c 2>err || why="gen-manifest: $?"
	"$name" gen net.json out/2.c 2>>err || why="$why; gen: $?"
	cmp out/1.c out/net.c && cmp out/2.c out/net.c || why="$why; other bytes"
	for what in manifest abi; do
		short=$what
		[ $what = abi ] || short=query
		"$name" query-$what net.hvt >q1 2>>err && "$name" $short net.hvt >q2 2>>err &&
			cmp q1 q2 || why="$why; query-$what"
	done
	report "$name takes long and short commands" "$why"

	why=
	"$name" query-abi missing 2>err && why='it succeeded'
	grep -q "^$name: missing: " err || why="$why; it calls itself otherwise"
	report "$name calls itself so" "$why"

	why=
	"$name" --version >stdout 2>err || why="status $?"
	grep -q "^$name [0-9]" stdout || why="$why; no version"
	"$name" --help >stdout 2>>err || why="$why; --help: $?"
	grep -q "^usage: $name COMMAND" stdout || why="$why; no usage"
	[ ! -s err ] || why="$why; something on stderr"
	report "$name has --version and --help" "$why"

	why=
	for args in '' 'gen' 'gen net.json' 'gen a b c' 'query' 'query a b' 'abi' 'abi a b' \
		'frobnicate' '-x'; do
		# shellcheck disable=SC2086 # words
		"$name" $args >stdout 2>err && why="$why; '$args' succeeded"
		grep -q "^usage: $name COMMAND" err || why="$why; no usage for '$args'"
		[ ! -s stdout ] || why="$why; '$args' wrote to stdout"
	done
	report "$name shows its usage when called wrongly" "$why"
done

echo "1..$count"
[ "$failures" -eq 0 ]
