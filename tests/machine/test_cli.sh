#!/bin/sh
# SPDX-License-Identifier: ISC
# test_cli.sh: the command line: what it takes, what it refuses and in which words, and what it tells.
set -u

# shellcheck source=tests/machine/lib.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib.sh"
need_guests
need_hypervisor

hello=$(image hello)
blk=$(image blk)

# refused NAME PATTERN WORD...: status 1, nothing on standard output, one line on standard error.
refused() {
	what=$1 pattern=$2 reason=
	shift 2
	run "$@"
	[ "$(wc -l <"$T/err")" -eq 1 ] || reason="not one line on standard error"
	[ ! -s "$T/out" ] || reason="something on standard output"
	grep -q -e "^$(basename "$HUSK"): .*$pattern" "$T/err" || reason="nothing like '$pattern' on standard error"
	[ "$status" -eq 1 ] || reason="exit status $status, not 1"
	report "$what" "$reason"
}

# taken NAME WORD...: the guest starts.
taken() {
	what=$1
	shift
	run "$@"
	succeeds "$what"
}

silent() {
	report "$1" "$([ ! -s "$T/$2" ] || echo "something was printed to $2")"
}

# --- questions --------------------------------------------------------------------------------------------------------

help() {
	run --help
	judge "--help" 0 '^usage: '
	silent "it is not an error" err
	for option in mem block block-ro block-sector-size help version inspect check dry-run stats; do
		report "it tells of --$option" "$(grep -q -e "^ *--$option\\>" "$T/out" || echo "it does not")"
	done
	report "it fits into 80 columns" "$(awk 'length > 80 { print "too wide: " $0 }' "$T/out")"
	cp "$T/out" "$T/help"
	run -h
	report "-h is --help" "$(cmp "$T/help" "$T/out" 2>&1)"
	run --nosuch --help --mem=junk "$hello"
	judge "--help counts whatever is beside it" 0 '^usage: '
	report "and says the same" "$(cmp "$T/help" "$T/out" 2>&1)"
}

version() {
	run --version
	judge "--version" 0 'husk'
	silent "it is not an error" err
	report "a line is exactly: ABI version 2" "$(grep -qx -e 'ABI version 2' "$T/out" || echo "there is none")"
	cp "$T/out" "$T/version"
	run -v
	report "-v is --version" "$(cmp "$T/version" "$T/out" 2>&1)"
	run --version=full
	judge "--version=full has licences" 0 '^ABI version 2$' '^linked: .*BSD\|^linked: glibc [0-9].*, LGPL'
	run --version=all
	judge "--version=all is refused" 1 '--version=all.: the only value is full'
	run --nosuch --version
	judge "--version counts whatever is beside it" 0 '^ABI version 2$'
}

# --- options ----------------------------------------------------------------------------------------------------------

options() {
	refused "an unknown option" "Invalid option: .--nosuch'" --nosuch "$hello"
	refused "an unknown option with a value" "Invalid option: .--nosuch=1'" --nosuch=1 "$hello"
	refused "a mistyped option" "did you mean --mem" --men=64 "$hello"
	refused "a mistyped device option" "did you mean --block" --blok:storage=x "$blk"
	refused "an option in capitals" "Invalid option: .--MEM=4'" --MEM=4 "$hello"
	refused "the beginning of an option" "Invalid option: .--me=4'" --me=4 "$hello"
	refused "a short option" "Invalid option: .-m'" -m "$hello"
	refused "a dash alone" "Invalid option: .-': an image .* standard input is /dev/stdin" - "$hello"
	refused "a longer word for an option" "did you mean --mem?" --memory=64 "$hello"
	refused "an option without its value" "Invalid option: .--mem'" --mem "$hello"
	refused "a flag with a value" "Invalid option: .--dry-run=yes'" --dry-run=yes "$hello"
	refused "a device option without a device" "Invalid option: .--block=x'" --block=x "$blk"
	refused "an empty device" "Invalid option: .--block:=x'" --block:=x "$blk"
	refused "an empty path" "Invalid option: .--block:storage='" --block:storage= "$blk"
	refused "a device that is no name" "Invalid option: .--block:a-b=x'" --block:a-b=x "$blk"
	refused "a device with 68 letters" "Invalid option: .--block:" "--block:$(printf '%68s' '' | tr ' ' a)=x" "$blk"
	refused "a format that is not there" "--inspect=xml" --inspect=xml "$hello"
	taken "no options" "$hello" Hello_Solo5
	taken "-- alone" -- "$hello" Hello_Solo5
	taken "empty words before the image" "" --mem=2 "" "$hello" Hello_Solo5
	run --mem=8 --mem=4 "$(image memory)" 4
	succeeds "the last --mem is the one"
}

memory_sizes() {
	for size in 2 3 64M 2G 4G 1024 4096 4097 0064; do
		taken "--mem=$size" "--mem=$size" "$hello" Hello_Solo5
	done
	for size in '' 0 00 0M junk 8foo 64MB 64m 2g 2T 8.5 0x10 ' 8' '8 ' +8 -1 1e3 M; do
		refused "--mem='$size'" 'Malformed argument to --mem' "--mem=$size" "$hello"
	done
	for size in 4098 5G 8192 4398046511112 17592186044424 18446744073709551615 99999999999999999999999; do
		refused "--mem=$size" 'exceeds the max size' "--mem=$size" "$hello"
	done
}

# --- images -----------------------------------------------------------------------------------------------------------

images() {
	refused "no image" 'Missing KERNEL operand'
	refused "only options" 'Missing KERNEL operand' --mem=4
	refused "only --" 'Missing KERNEL operand' --
	refused "an image that is not there" 'nowhere.hvt: Could not open: No such file' "$T/nowhere.hvt"
	refused "a directory" "$T: " "$T"
	echo 'echo hello' >"$T/script"
	refused "a file that is not ELF" 'script: .*invalid executable' "$T/script"
	: >"$T/empty"
	refused "an empty file" 'empty: .*invalid executable' "$T/empty"
	refused "a device" '/dev/null: ' /dev/null
	head -c 1000 "$hello" >"$T/short"
	refused "a file that was cut off" 'short: .*cut short: copy it again' "$T/short"
	other_files
	debug_files
	refused "a program of the host" 'invalid executable' "$HUSK"
	ln -s "$HUSK" "$T/solo5-hvt"
	"$T/solo5-hvt" --nosuch >"$T/out" 2>"$T/err"
	status=$?
	judge "messages begin with the name that the monitor was called by" 1 '^solo5-hvt: '
	cp "$hello" "$T/--odd"
	(cd "$T" && timeout -s KILL "$LIMIT" "$HUSK" -- --odd Hello_Solo5) >"$T/out" 2>"$T/err"
	status=$?
	succeeds "an image whose name begins with dashes"
}

other_files() {
	for tool in gzip xz zstd bzip2; do
		if ! command -v $tool >/dev/null; then
			skip "an image that is packed with $tool" "there is no $tool"
			continue
		fi
		$tool -c "$hello" >"$T/packed" 2>/dev/null
		if [ ! -s "$T/packed" ]; then
			skip "an image that is packed with $tool" "this $tool does not pack"
			continue
		fi
		refused "an image that is packed with $tool" "compressed with $tool: unpack it with $tool -d" \
			"$T/packed"
	done
	printf '#!/bin/sh\nexec husk\n' >"$T/script.sh"
	refused "a script" 'this is a script, not an ELF file' "$T/script.sh"
}

# What objcopy leaves for debuggers has the image's headers, and none of its code.
debug_files() {
	objcopy=${GUEST_OBJCOPY:-objcopy}
	if ! $objcopy --only-keep-debug "$hello" "$T/hello.debug" 2>"$T/err"; then
		skip "an image's debug file" "$objcopy cannot make one"
		return
	fi
	refused "an image's debug file" 'objcopy --only-keep-debug leaves it: name the image' "$T/hello.debug"
	refused "an image's debug file, --dry-run" 'no executable bytes' --dry-run "$T/hello.debug"
	run --check "$T/hello.debug"
	judge "an image's debug file, --check" 1 '^FAIL .*no executable bytes of the file go there'
}

# stop_while_waiting NAME WORD...: the monitor waits for an image that never comes, and one signal ends it.
stop_while_waiting() {
	what=$1
	shift
	start "$@"
	sleep 0.3
	kill -TERM "$started"
	await 20
	judge "$what" 1 'Exiting on signal 15'
}

pipes() {
	timeout -s KILL "$LIMIT" "$HUSK" /dev/stdin Hello_Solo5 <"$hello" >"$T/out" 2>"$T/err"
	status=$?
	succeeds "an image from standard input"
	# shellcheck disable=SC2002 # a pipe is what is tried
	cat "$hello" | timeout -s KILL "$LIMIT" "$HUSK" /dev/stdin Hello_Solo5 >"$T/out" 2>"$T/err"
	status=$?
	succeeds "an image from a pipe"
	mkfifo "$T/fifo"
	{ sleep 0.2; cat "$hello"; } >"$T/fifo" &
	run "$T/fifo" Hello_Solo5
	succeeds "an image from a named pipe"
	{ head -c 5000 "$hello"; } >"$T/fifo" &
	refused "an image from a pipe that breaks" 'fifo: .*cut short: copy it again' "$T/fifo"
	stop_while_waiting "a signal ends the wait for a named pipe" "$T/fifo"
}

behind() {
	refused "a device option behind the image" "\`--block:storage=x' comes after the image.*put it in front" \
		"$blk" --block:storage=x
	refused "the same with --dry-run" 'comes after the image' --dry-run "$blk" --block:storage=x
	run --check "$blk" --block:storage=x
	judge "the same with --check" 1 'comes after the image'
	run --check --mem=4 "$(image bigbss)" --mem=64
	judge "--mem behind the image" 1 "give it --mem=10 or more: \`--mem=64' comes after"
	refused "a second image for --inspect" "--inspect takes one image, and \`.*' comes after it" --inspect "$hello" "$blk"
	refused "an option behind the image of --inspect" "\`--mem=4' comes after it" --inspect "$hello" --mem=4
}

devices() {
	refused "a device that is not attached" "Device 'storage' of type BLOCK_BASIC declared but not attached" "$blk"
	refused "63 of them" "Device 'storage0' of type BLOCK_BASIC declared but not attached" "$(image maxdevices)"
	refused "a device that the image does not declare" \
		"Resource not declared in manifest: 'other' (--block): the image declares storage (BLOCK_BASIC)" \
		"--block:other=$T/disk" "$blk"
	refused "in an image without devices" \
		"'storage' (--block): the image declares none" "--block:storage=$T/disk" "$hello"
	refused "a block size for an undeclared device" "Resource not declared in manifest: 'other'" \
		--block-sector-size:other=512 "$hello"
	refused "a block size is no disk" "Device 'storage' of type BLOCK_BASIC declared but not attached" \
		--block-sector-size:storage=512 "$blk"
	refused "a descriptor that is not open" 'device storage: .*@9: Bad file descriptor' --block:storage=@9 "$blk"
	refused "nor one for a network device" 'device service0: .*@9: Bad file descriptor' --net:service0=@9 "$(image net)"
	refused "a disk that is not there" "Could not open block device: .*/nowhere" "--block:storage=$T/nowhere" "$blk"
	dd if=/dev/null of="$T/disk" bs=1 seek=65536 2>/dev/null
	taken "the last of several disks counts" "--block:storage=$T/nowhere" "--block:storage=$T/disk" "$blk"
}

# --- looking without running ------------------------------------------------------------------------------------------

# Silent if the file is JSON, as far as can be told here.
not_json() {
	if command -v python3 >/dev/null 2>&1; then
		python3 -m json.tool "$1" 2>&1 >/dev/null | head -n 1
	else
		[ "$(tr -cd '{[' <"$1" | wc -c)" -eq "$(tr -cd '}]' <"$1" | wc -c)" ] || echo "the brackets do not match"
		grep -q '^{.*}$' "$1" || echo "it is not an object in one line"
	fi
}

inspecting() {
	run --inspect "$(image maxdevices)"
	judge "--inspect" 0 'hvt version 2' 'storage0, BLOCK_BASIC' 'storage62, BLOCK_BASIC'
	silent "it is not an error" err
	run --inspect=json "$(image maxdevices)"
	judge "--inspect=json" 0 '"name": *"storage62"'
	report "it is JSON" "$(not_json "$T/out")"
	run --inspect=json "$hello"
	judge "--inspect=json without devices" 0 '"devices": *\[\]'
	report "it is JSON" "$(not_json "$T/out")"
	refused "--inspect of what is no image" 'invalid executable' --inspect "$T/script"
	refused "--inspect of nothing" 'Missing KERNEL operand' --inspect
}

checking() {
	run --check
	judge "--check of the host" 0
	run --check "--block:storage=$T/nowhere" --net-mtu:service=1500
	judge "--check of devices without an image" 0 \
		'^note --block:storage was not looked at: name the image too$' \
		'^note --net-mtu:service was not looked at: name the image too$'
	run --check "$hello"
	judge "--check of an image" 0 'hello.hvt'
	run --check "$blk"
	judge "--check of an image without its device" 1 'not attached'
	run --check "--block:storage=$T/disk" "$blk"
	judge "--check of an image with its device" 0 'storage'
	run --check "--block:storage=$T/nowhere" "$blk"
	judge "--check of a disk that is not there" 1 'nowhere'
	run --check "$T/script"
	judge "--check of what is no image" 1 'invalid executable'
	run --check --mem=4 "$(image bigbss)"
	judge "--check knows --mem" 1 '^FAIL .*beyond the guest.s memory of 4 MiB: give it --mem=10'
	run --check --mem=10 "$(image bigbss)"
	judge "--check of an image that just fits" 0
	long=$(printf '%8192s' '' | tr ' ' x)
	run --check "$hello" "$long"
	judge "--check knows the guest's command line" 1 '^FAIL .*[Cc]ommand line'
	run --dry-run "$hello"
	judge "--dry-run" 0
	silent "the guest does not run" out
	run --dry-run "--block:storage=$T/disk" "$blk"
	judge "--dry-run with a device" 0
	refused "--dry-run without its device" 'not attached' --dry-run "$blk"
}

goals() {
	refused "--inspect and --check" '--inspect and --check: give one of them' --inspect --check "$hello"
	refused "in the other order, without an image" '--inspect and --check: give one of them' --check --inspect=json
	refused "--check and --dry-run" '--check and --dry-run: give one of them' --check --dry-run "$hello"
	refused "--inspect and --dry-run" '--inspect and --dry-run: give one of them' --inspect --dry-run "$hello"
	run --dry-run --dry-run "$hello"
	judge "one of them twice is one" 0
}

counting() {
	run --stats "$(image exit)" --solo5:quiet exit 7
	judge "--stats leaves the exit status alone" 7 'puts' 'halt'
	silent "and standard output to the guest" out
	run --stats=json "--block:storage=$T/disk" "$blk" --solo5:quiet
	judge "--stats=json" 0 '"block_write": *[1-9]'
	report "it is JSON" "$(not_json "$T/err")"
	report "standard output is the guest's" "$([ "$(cat "$T/out")" = SUCCESS ] || echo "there is more on it")"
	run --stats "$(image wxorx)" write rodata
	judge_refused_store "--stats of a guest that failed" 'puts'
}

# --- the manifest tool ------------------------------------------------------------------------------------------------

manifests() {
	tool=$BUILD/husk-manifest json=${SRC:-$(dirname "$0")/../..}/tests/guests/maxdevices.json
	if [ ! -e "$json" ] || ! "$tool" --version >/dev/null 2>&1; then
		skip "the manifest tool" "it does not run here"
		return
	fi
	"$tool" query "$(image maxdevices)" >"$T/out" 2>"$T/err"
	status=$?
	judge "an image's manifest can be asked for" 0
	report "it is what the image was made from" "$(cmp "$json" "$T/out" 2>&1)"
	awk '{ print } /"storage0"/ { sub(/storage0/, "storage63"); print }' "$json" >"$T/many.json"
	"$tool" gen "$T/many.json" "$T/many.c" >"$T/out" 2>"$T/err"
	status=$?
	judge "64 devices are too many" 1 'too many entries, maximum 63'
}

help
version
options
memory_sizes
images
pipes
behind
devices
inspecting
checking
goals
counting
manifests
finish
