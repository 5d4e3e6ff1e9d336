#!/bin/sh
# SPDX-License-Identifier: ISC
# run.sh: measures husk beside the least that a process on KVM can do.
#
# Usage: run.sh [--json] [--net] [--brief] [--rounds=N] [--idle=N] [--seconds=N] [--burst=NAME]
# --net: the network alone; its figures need root. --seconds: how long each run with frames takes (0.3);
# --burst: only such frames, as in --burst="answer 16 x 64". --brief: everything, but not for long: no figures
# to be relied on.
# From the environment: HUSK (empty: the floor alone), BUILD (the build directory), SRC (the source
# tree), BENCH_FLAGS (more options, for make bench), SOLO5_HVT (a solo5-hvt to compare husk with). It prints figures and judges nothing.
set -u

SRC=${SRC:-$(dirname "$0")/../..}
BUILD=${BUILD:-.}
HUSK=${HUSK-$BUILD/husk}
BENCH_DIR=$SRC/tests/bench
BENCH_PROGRAMS=$BUILD/obj/tests/bench

fail() {
	echo "bench: $*" >&2
	exit 1
}

[ "${BACKEND:-kvm}" = kvm ] || fail "the floor runs on KVM only"
if [ ! -r /dev/kvm ] || [ ! -w /dev/kvm ]; then
	fail "/dev/kvm: it is not there, or not ours to use"
fi
for program in floor floor_bare bench guest_bare.hvt guest_bare_disk_net.hvt guest_halt.hvt guest_loop.hvt \
	guest_block.hvt guest_blocks.hvt guest_net.hvt guest_disk_net.hvt; do
	[ -e "$BENCH_PROGRAMS/$program" ] || fail "$BENCH_PROGRAMS/$program is missing: run make bench"
done

work=$(mktemp -d "${TMPDIR:-/tmp}/husk-bench.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
BENCH_BLOCK=$work/disk
dd if=/dev/zero of="$BENCH_BLOCK" bs=65536 count=32 2>/dev/null || fail "$BENCH_BLOCK: cannot write"

export HUSK BENCH_DIR BENCH_PROGRAMS BENCH_BLOCK
# shellcheck disable=SC2086 # several words
"$BENCH_PROGRAMS/bench" ${BENCH_FLAGS-} "$@"
status=$?
case " ${BENCH_FLAGS-} $* " in
*' --json '* | *' --net '* | *' --brief '*) ;;
*)
	[ ! -x "$HUSK" ] || sh "$BENCH_DIR/vsock.sh"
	# It makes a tap, and takes what the tests are built with.
	if [ -x "$HUSK" ] && [ "$(id -u)" -eq 0 ] && [ -e "$BUILD/obj/tests/guests/stream.hvt" ]; then
		sh "$BENCH_DIR/stream.sh" 8
	fi
	;;
esac
exit $status
