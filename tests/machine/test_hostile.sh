#!/bin/sh
# test_hostile.sh: guests that break the rules, one case per line of hostile.list.
set -u

# shellcheck source=tests/machine/lib.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib.sh"
need_guests
need_hypervisor

list=${SRC:-$(dirname "$0")/../..}/tests/machine/hostile.list
case ${ARCH:-$(uname -m)} in
aarch64 | arm64) pc=pc= ;;
*) pc=rip= ;;
esac

dd if=/dev/zero of="$T/disk" bs=65536 count=1 2>/dev/null
mkfifo "$T/wire"
exec 8<>"$T/wire"

# What a guest's devices are attached to. The network is a pipe: what was written is what can be read.
devices() {
	case $1 in
	hostile_block) echo "--block:storage=$T/disk" ;;
	hostile_net) echo "--net:service0=@8" ;;
	esac
}

empty_wire() {
	dd if="$T/wire" of=/dev/null bs=65536 count=1 iflag=nonblock 2>/dev/null
}

# A message is due exactly when the monitor decided that the guest ends, and it says where.
explained() {
	if [ "$status" -ne 1 ]; then
		! grep -q '^husk: .*'"$pc" "$T/err"
	else
		[ "$(grep -c '^[^:]*: .*'"$pc"'0x[0-9a-f]' "$T/err")" -eq 1 ]
	fi
}

# hostile IMAGE STATUSES PATTERN ARGUMENTS...; several statuses may be right, with commas between.
hostile() {
	guest=$1 statuses=$2 pattern=$3 reason=
	shift 3
	if [ ! -e "$(image "$guest")" ]; then
		skip "$guest $*" "not built for this architecture"
		return
	fi
	run --mem=8 $(devices "$guest") -- "$(image "$guest")" --solo5:quiet "$@"
	case ,$statuses, in
	*",$status,"*) ;;
	*) reason="exit status $status, not $statuses" ;;
	esac
	[ "$pattern" = - ] || printed "$pattern" || reason="${reason:+$reason; }nothing like '$pattern' was printed"
	explained || reason="${reason:+$reason; }not one message that says $pc"
	[ -z "$(unsound)" ] || reason="${reason:+$reason; }a sanitizer complained"
	report "$guest $*" "$reason"
}

while read -r guest statuses rest; do
	case $guest in
	'' | '#'*) continue ;;
	esac
	# shellcheck disable=SC2086 # the arguments are words
	hostile "$guest" "$statuses" "${rest#*| }" ${rest%%|*}
done <"$list"
finish
