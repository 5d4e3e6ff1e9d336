#!/bin/sh
# SPDX-License-Identifier: ISC
# test_counts.sh: what husk costs in exits and system calls, where that does not depend on the host.
set -u

GUESTS=${GUESTS:-${BUILD:-.}/obj/tests/bench}
# shellcheck source=tests/machine/lib.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib.sh"
need_hypervisor
[ -e "$(image guest_block)" ] || skip_all "the guests are not built: $(image guest_block)"

FEW=1 MANY=65			# requests; what they differ by is what is judged
# System calls from execve to the guest's first instruction, five of them the sandbox's. vmm takes most
# registers one by one, and FreeBSD's sandbox each descriptor.
case ${BACKEND:-kvm} in
vmm) FIRST_RUN_MAX=107 ;;
*) FIRST_RUN_MAX=70 ;;
esac
# How many of them are ioctls, where that is known.
case ${BACKEND:-kvm}-${ARCH:-$(uname -m)}-${HUSK_VMM_DOUBLE:-15} in
vmm-x86_64-15*) FIRST_IOCTLS=39 ;;
kvm-x86_64-*) FIRST_IOCTLS=14 ;;
*) FIRST_IOCTLS= ;;
esac
export HUSK_VMM_DOUBLE="${HUSK_VMM_DOUBLE:-15}-calm"	# no exits at random

dd if=/dev/zero of="$T/disk" bs=65536 count=2 2>/dev/null

# counts FILE ARGUMENT...: runs husk, and leaves the counts in $T/FILE.
counts() {
	file=$T/$1
	shift
	timeout "$LIMIT" sh "$SRC/tests/bench/count.sh" "$HUSK" "$@" >"$file" 2>"$T/err"
	status=$?
	[ "$status" -ne 77 ] || skip_all "no strace, or it may not trace"
	: >"$T/out"
}

# value FILE NAME: what count.sh found, 0 if it found none.
value() {
	awk -v name="$2" '$1 == name { n = $2 } $2 == name { n = $3 } END { print n + 0 }' "$T/$1"
}

# more NAME: by how many MANY exceeds FEW.
more() {
	echo $(($(value many "$1") - $(value few "$1")))
}

# A dynamic linker and sanitizers make many calls of their own.
not_alone() {
	grep -qa -e '/ld-linux' -e '/ld-musl' -e __asan_init -e __ubsan_handle -e __tsan_init "$HUSK"
}

start_is_short() {
	name="at most $FIRST_RUN_MAX system calls from execve to the guest's first instruction"
	counts start --mem=32 -- "$(image guest_halt)" --solo5:quiet
	if not_alone; then
		skip "$name" "this husk has a dynamic linker, or a sanitizer"
		return
	fi
	calls=$(value start first_run) reason=
	[ "$calls" -le $FIRST_RUN_MAX ] || reason="it took $calls"
	[ "$calls" -gt 0 ] || reason="the guest was not run"
	[ "$status" -eq 0 ] || reason="exit status $status"
	report "$name" "$reason"
	[ -n "$FIRST_IOCTLS" ] || return
	ioctls=$(value start first_ioctls)
	report "of which $FIRST_IOCTLS are ioctls" "$([ "$ioctls" -eq "$FIRST_IOCTLS" ] || echo "$ioctls are")"
}

# expect NAME NUMBER: adds to $reason if MANY requests do not cost so many more than FEW.
expect() {
	[ "$(more "$1")" -eq "$2" ] ||
		reason="${reason:+$reason; }$(more "$1") $1 for $((MANY - FEW)) requests, not $2"
}

# expect_runs NUMBER: adds to $reason likewise; vmm is left at the ends of time slices as well.
expect_runs() {
	if [ "${BACKEND:-kvm}" != vmm ] || [ "$(more runs)" -lt "$1" ] || [ "$(more runs)" -ge $(($1 * 2)) ]; then
		expect runs "$1"
	fi
}

# costs NAME CALL CALLS MODE...: each request is one exit and CALLS system calls, all of them CALL.
costs() {
	name=$1 call=$2 calls=$(($3 * (MANY - FEW))) reason=
	shift 3
	set -- --mem=2 "--block:disk=$T/disk" -- "$(image guest_block)" --solo5:quiet "$@"
	counts few "$@" $FEW
	[ "$status" -eq 0 ] || reason="exit status $status"
	counts many "$@" $MANY
	[ "$status" -eq 0 ] || reason="exit status $status"
	expect_runs $((MANY - FEW))
	expect ioctl "$(more runs)"
	expect others "$calls"
	[ "$call" = others ] || expect "$call" "$calls"
	report "$name" "$reason"
}

# per_mib NAME CALL EXITS MODE SIZE: what another MiB costs that the bindings move in requests of SIZE bytes: as
# many exits, and as many system calls, all of them CALL.
per_mib() {
	name=$1 call=$2 n=$3 each=$((1048576 / $5)) reason=
	set -- --mem=8 "--block:disk=$T/mib" -- "$(image guest_blocks)" --solo5:quiet "$4" "$5"
	counts few "$@" $each
	[ "$status" -eq 0 ] || reason="exit status $status"
	counts many "$@" $((2 * each))
	[ "$status" -eq 0 ] || reason="exit status $status"
	# A guest that works for long leaves vmm at the ends of time slices as well.
	for what in $([ "${BACKEND:-kvm}" = vmm ] || echo runs) others "$call"; do
		[ "$(more "$what")" -eq "$n" ] || reason="${reason:+$reason; }$(more "$what") $what, not $n"
	done
	report "$name" "$reason"
}

dd if=/dev/zero of="$T/mib" bs=1048576 count=2 2>/dev/null
start_is_short
per_mib "a MiB read in blocks of 512 bytes by the bindings is 16 exits and 16 preads" pread64 16 read 512
per_mib "a MiB read at once is one of each" pread64 1 read 1048576
per_mib "a MiB read by 32 requests at a time is one exit and one preadv2" preadv2 1 submit 32768
per_mib "a MiB read by 32 requests of 4 KiB at a time is 8 of each" preadv2 8 submit 4096
per_mib "a MiB written at once is one of each" pwrite64 1 write 1048576
costs "a block read of 512 bytes is one pread64" pread64 1 read 512
costs "a block read of 65536 bytes is one pread64" pread64 1 read 65536
costs "a block write of 512 bytes is one pwrite64" pwrite64 1 write 512
costs "a block write of 65536 bytes is one pwrite64" pwrite64 1 write 65536
costs "a block request that is refused makes no system call" others 0 null
costs "POLL with timeout 0 is one system call" others 1 poll
finish
