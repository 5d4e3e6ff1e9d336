#!/bin/sh
# SPDX-License-Identifier: ISC
# test_bench.sh: the benchmark measures everything that it says it does; how much that is, it leaves
# to people.
set -u

GUESTS=${GUESTS:-${BUILD:-.}/obj/tests/bench}
SRC=${SRC:-$(dirname "$0")/../..}
# shellcheck source=tests/machine/lib.sh
. "$SRC/tests/machine/lib.sh"
need_hypervisor
[ "${BACKEND:-kvm}" = kvm ] || skip_all "what it measures beside, the floor, runs on KVM only"
[ -e "$(image guest_net)" ] || skip_all "the guests are not built: $(image guest_net)"
[ -x "$GUESTS/bench" ] || skip_all "the benchmark is not built: $GUESTS/bench"

: >"$T/out"
# Any monitor will do to be compared with. What it prints is passed on at once: it takes long on a busy host, and is ended only if it says nothing.
{
	SOLO5_HVT=${SOLO5_HVT:-$HUSK} sh "$SRC/tests/bench/run.sh" --brief 2>"$T/err" </dev/null
	echo $? >"$T/status"
} | while IFS= read -r line; do
	echo "$line" >>"$T/out"
	echo "# $line"
done
read -r status <"$T/status"

# skipped GROUP: why the group has a figure that it leaves out.
skipped() {
	awk -v group="$1" '/^[a-z]/ { here = $0 == group }
		here && / skipped: / { sub(/.* skipped: /, ""); print; exit }' "$T/out"
}

# measured GROUP NAME: a figure for husk, one for the floor. A "-" is one as well: what a request
# takes is a difference, and on a busy host that of brief runs may be less than nothing.
measured() {
	awk -v group="$1" -v name="$2" '
		/^[a-z]/ { here = $0 == group }
		here && index($0, "  " name "  ") == 1 && / (husk|ring|queues) +[-0-9]/ &&
			/ (floor|calls|solo5-hvt) +[-0-9]/ { found = 1 }
		END { exit !found }' "$T/out"
}

# group GROUP NAME...: all of these, unless this host cannot measure the group.
group() {
	group=$1 missing=
	shift
	for figure; do
		measured "$group" "$figure" || missing="${missing:+$missing, }$figure"
	done
	why=$(skipped "$group")
	if [ -n "$missing" ] && [ -n "$why" ]; then
		skip "figures: $group" "$why"
	else
		report "figures: $group" "${missing:+not measured: $missing}"
	fi
}

judge "the benchmark runs to its end" 0
group counts "system calls to the first KVM_RUN" "POLL, timeout 0: exits" \
	"block read, 512 bytes: other calls" "block write, 65536 bytes: exits"
group times "exec to exit, wall" "exec to exit, floor without libc, CPU" "exec to exit, image with bindings, CPU" \
	"hypercall (WALLTIME), wall" "POLL, timeout 0, CPU" "block read, 4096 bytes, wall"
group memory "resident each, 8 idle" "Pss each, 8 idle" "of it: heap"
group network "receive 256 x 1500: frames" "receive 256 x 1500: exits each" \
	"send 256 x 1500: calls each" "send 256 x 1500: CPU each" \
	"exec to exit, disk and network, wall" "the same, floor without libc, CPU" \
	"the same, image with bindings, CPU"
report "an idle device by hypercall is one line" \
	"$([ "$(grep -c '^  idle for 2 s, hypercall: ticks ' "$T/out")" -le 1 ] || grep '^  idle' "$T/out")"
group "network, by ring and by hypercall" "receive 256 x 1500: time each" \
	"receive 256 x 1500: CPU each, not the guest's" "send 256 x 1500: CPU each" \
	"send 256 x 1500: exits each"
group "network, by queues and by solo5-hvt" "receive 256 x 1500: time each" "send 256 x 1500: CPU each"
group "beside solo5-hvt" "hypercall (WALLTIME): exits" "block read, 512 bytes: other calls" \
	"exec to exit, disk: CPU" "block read, 512 bytes: wall"
finish
