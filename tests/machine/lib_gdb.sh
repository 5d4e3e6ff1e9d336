# SPDX-License-Identifier: ISC
# shellcheck shell=sh
# lib_gdb.sh: what suites of guests under a debugger share: our own small one, and where it finds the guest.
#
# Sourced after lib.sh. husk listens at $place; what came back to the debugger is in $T/replies.

RSP=${TOOLS:-$BUILD/obj/tests/machine}/rsp
place=$T/gdb

# What read_places finds.
# shellcheck disable=SC2034
probe='' value='' rounds='' exit='' steps='' registers='' break='' own='' other='' begin='' end='' text='' rodata=''

# Numbers of registers in the protocol, and other words of it.
# shellcheck disable=SC2034
case ${ARCH:-$(uname -m)} in
aarch64 | arm64) arch=aarch64 kind=4 vector=25 pc=20 flags=21 carry=c5030020 ;;
*) arch=x86_64 kind=1 vector=2b pc=10 flags=11 carry=03000000 ;;
esac

# need_debugging: nothing else is tried where the backend cannot stop a guest.
need_debugging() {
	[ "${BACKEND:-kvm}" = kvm ] || skip_all "vmm cannot stop a guest for a debugger: machine/test_gdb"
}

is_there() { [ -S "$place" ]; }
says() { grep -q "$1" "$T/out" "$T/err"; }
is_ready() { says READY; }

# debug ARGS...: husk waits for us at $place.
debug() {
	rm -f "$place"
	start --mem=8 --gdb="$place" "$@"
	within 20 is_there || echo "# no socket"
}

# Nothing of this run is left when the next begins.
quit() {
	started_kill
	within 20 ended
}

# client: the script is on standard input; what came back is in $T/replies, without the ends of lines that are
# longer than all registers, which some shells take a minute to read.
client() {
	timeout 60 "$RSP" "$place" 2>&1 | cut -c 1-2000 >"$T/replies"
}

# expect NAME PATTERN...: line by line the replies are like the patterns.
expect() {
	name=$1 reason=
	shift
	exec 7<"$T/replies"
	for pattern; do
		IFS= read -r line <&7 || line="(no more)"
		printf '%s\n' "$line" | grep -q -- "$pattern" ||
			reason="${reason:+$reason; }$(printf '%.100s' "$line") is not like $pattern"
	done
	exec 7<&-
	report "$name" "$reason"
}

# Sets $probe and others: where the guest said that they are.
read_places() {
	for name in probe value rounds exit steps registers break own other begin end text rodata; do
		eval "$name=$(sed -n -e "s/^$name=//p" -e "s/^Solo5: *$name @ (0x\([0-9a-f]*\) .*/\1/p" "$T/out")"
	done
}

# Turns sixteen digits around, byte by byte.
turn() {
	sed 's/\(..\)\(..\)\(..\)\(..\)\(..\)\(..\)\(..\)\(..\)/\8\7\6\5\4\3\2\1/'
}

# told N: the number as registers are told.
told() {
	printf '%016x\n' "$1" | turn
}

# at PLACE N: a stop's reply that tells the instruction N bytes behind the place, both without 0x.
at() {
	echo "^T05.*;$pc:$(told $((0x$1 + $2)));"
}

# ready ARGS...: the guest has said where its parts are, runs, and nobody is connected.
ready() {
	debug "$@"
	echo D | client
	within 20 is_ready || echo "# not ready"
	read_places
}

debug_ready() {
	ready "$(image debug)" "$@"
}

# hangs: a guest waits for frames without an end; they come by descriptor 8. A debugger may come to it.
hangs() {
	rm -f "$place" "$T/wire"
	mkfifo "$T/wire"
	exec 8<>"$T/wire"
	"${RSP%/*}/packets" 8
	start --mem=8 --gdb="$place",nowait --net:service0=@8 -- "$(image debug_net)" --solo5:quiet
	within 20 is_ready || echo "# not ready"
	read_places
}

# A frame of that many bytes, to the guest that hangs.
send_frame() {
	printf "%0$1d" 0 >&8
}

# Lines that go on from a breakpoint, as gdb does.
pass_by() {
	printf '%s\n' "z0,$probe,$kind" s "Z0,$probe,$kind" c
}
