#!/bin/sh
# SPDX-License-Identifier: ISC
# test_hostile.sh: guests that break the rules, one case per line of hostile.list.
#
# There are hundreds, and where this runs a process may cost as much as a guest: the shell does what it can.
set -u

LIMIT=${LIMIT:-60}
# shellcheck source=tests/machine/lib.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib.sh"
need_guests
need_hypervisor

list=${SRC:-$(dirname "$0")/../..}/tests/machine/hostile.list
case ${ARCH:-$(uname -m)} in
aarch64 | arm64) pc=pc= ;;
*) pc=rip= ;;
esac

# What a guest's devices are attached to. The network is a pipe: what was written is what can be read.
dd if=/dev/zero of="$T/disk" bs=65536 count=1 2>/dev/null
foreign=0 strings=0 unconnected=0 unknown=0

attach() {
	device=
	case $1 in
	hostile_block) device=--block:storage=$T/disk ;;
	hostile_net)
		rm -f "$T/wire"
		mkfifo "$T/wire"
		exec 8<>"$T/wire"
		"${TOOLS:-$BUILD/obj/tests/machine}/packets" 8
		device=--net:service0=@8
		;;
	esac
}

networks=yes
attach hostile_net
"$HUSK" --dry-run "$device" -- "$GUESTS/hostile_net.hvt" >"$T/out" 2>&1 </dev/null || networks=no

# Sets lines and message: how much there is on standard error, and the first of it.
read_errors() {
	lines=0 message=
	while IFS= read -r line; do
		[ $lines -gt 0 ] || message=$line
		lines=$((lines + 1))
	done <"$T/err"
}

# complain TEXT
complain() {
	reason="${reason:+$reason; }$1"
}

among() {
	case ,$2, in
	*",$1,"*) true ;;
	*) false ;;
	esac
}

# A message is due exactly when the monitor decided that the guest ends, and it says where; but for a
# triple fault on AMD's processors, which resets the registers.
check_message() {
	case $status,$lines,$message in
	1,1,*": "*" $pc"0x[0-9a-f]*) ;;
	1,1,*": guest triple fault: its registers are lost") ;;
	1,*) complain "not one message that says $pc" ;;
	*,0,) ;;
	255,1,*": guest ended by an exception at $pc"0x*) ;;
	*) complain "a message for nothing" ;;
	esac
}

# check_pattern PATTERN: in the message if there is one, else in what the guest printed.
check_pattern() {
	[ "$1" != - ] || return
	# shellcheck disable=SC2254 # it is a pattern
	case $message in
	*$1*) return ;;
	'' | *": guest ended by an exception at "*) ! grep -q -e "$1" "$T/out" || return 0 ;;
	esac
	complain "nothing like '$1' was printed"
}

# hostile IMAGE STATUSES PATTERN ARGUMENT...; several statuses may be right, with commas between.
hostile() {
	guest=$1 statuses=$2 pattern=$3 reason=
	shift 3
	attach "$guest"
	# shellcheck disable=SC2086 # there may be no device
	run --mem=8 $device -- "$GUESTS/$guest.hvt" --solo5:quiet "$@"
	read_errors
	among "$status" "$statuses" || complain "exit status $status, not $statuses"
	case $reason,$message in
	?*,*"internal error exit"* | ?*,*"exitcode=0x3f9"*)
		if lacks_instructions; then
			unknown=$((unknown + 1))
			return
		fi
		;;
	esac
	check_pattern "$pattern"
	check_message
	report "$guest $*" "$reason"
}

# spinning IMAGE ARGUMENT...: each makes a guest that may spin or sleep for ever; a signal still ends it.
spinning() {
	spinner=$1
	shift
	[ -e "$GUESTS/$spinner.hvt" ] || return
	for act; do
		start --mem=8 -- "$GUESTS/$spinner.hvt" --solo5:quiet "$act"
		within 1 ended || kill -TERM "$started"
		await 20
		judge "$spinner $act, which may take a signal to end" 1
	done
}

# skipped NUMBER WHY: cases that could not be run count as one.
skipped() {
	[ "$1" -eq 0 ] || skip "$1 more cases" "$2"
}

while read -r guest statuses rest; do
	case $guest in
	'' | '#'*) continue ;;
	hostile_net)
		if [ $networks = no ]; then
			unconnected=$((unconnected + 1))
			continue
		fi
		;;
	esac
	if [ ! -e "$GUESTS/$guest.hvt" ]; then
		foreign=$((foreign + 1))
		continue
	fi
	case ${BACKEND:-kvm}:$rest in
	vmm:rep-puts* | vmm:rep-bad* | vmm:rep-long*)
		strings=$((strings + 1))
		continue
		;;
	esac
	# Only the guest's own tables protect its memory there: it sees the fault, or has taken it away.
	# The local APIC is the kernel's there, which answers.
	case ${BACKEND:-kvm}-${ARCH-}:$rest in
	vmm-aarch64:*'| host/guest translation fault') statuses=0,255 rest="${rest%|*}| -" ;;
	vmm-x86_64:hole-apic*) statuses=0 rest="${rest%|*}| -" ;;
	esac
	# shellcheck disable=SC2086 # the arguments are words
	hostile "$guest" "$statuses" "${rest#*| }" ${rest%%|*}
done <"$list"
spinning hostile_x86_64 cr3-hole
spinning hostile_aarch64 wfi cpu-off no-vectors ttbr-zero ttbr-hole ttbr-rodata
skipped $foreign "not built for this architecture"
skipped $unconnected "this monitor takes no pipe for a network"
skipped $strings "vmm carries out no string I/O"
skipped $unknown "this KVM emulates instructions, and not these"
finish
