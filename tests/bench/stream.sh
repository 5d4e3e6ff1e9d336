#!/bin/sh
# SPDX-License-Identifier: ISC
# stream.sh: one raw stream to a guest and from it: whole frames by hypercalls and by queues, many segments in
# a frame, and beside them another monitor.
#
# Usage: stream.sh [MIB]; so much of segments, and an eighth of it in whole frames (64). From the environment:
# HUSK, BUILD, SRC; SOLO5_HVT, a command: the monitor beside it. Each is done three times, in turns. It prints
# MB/s as the host's end sees them, and judges nothing. Root makes a tap in a network namespace of its own.
set -u

MIB=${1:-64}
SRC=${SRC:-$(dirname "$0")/../..}
BUILD=${BUILD:-.}
HUSK=${HUSK:-$BUILD/husk}
TOOLS=$BUILD/obj/tests/machine
IMAGE=$BUILD/obj/tests/guests/stream.hvt

for file in "$HUSK" "$TOOLS/stream" "$TOOLS/tap" "$IMAGE"; do
	[ -e "$file" ] || { echo "stream.sh: $file is missing: run make tests" >&2; exit 1; }
done
[ -n "${HUSK_BENCH_NAMESPACE-}" ] || HUSK_BENCH_NAMESPACE=yes exec unshare -n sh "$0" "$@"
work=$(mktemp -d "${TMPDIR:-/tmp}/husk-bench.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
echo 1 2>/dev/null >/proc/sys/net/ipv6/conf/default/disable_ipv6
"$TOOLS/tap" make stream0 || exit 1
ip link set stream0 qlen 2000
ip link set stream0 up

# once DIRECTION WAY BYTES MONITOR...: the rate, or nothing.
once() {
	direction=$1 way=$2 bytes=$3
	shift 3
	"$@" --mem=32 --net:service0=stream0 "$IMAGE" --solo5:quiet "$direction" "$way" "$bytes" \
		>"$work/out" 2>&1 </dev/null &
	guest=$! tries=0
	until grep -q READY "$work/out" || [ $tries -eq 500 ]; do
		tries=$((tries + 1))
		sleep 0.02
	done
	if [ "$direction" = source ]; then
		"$TOOLS/stream" sink stream0 "$bytes" >"$work/peer" || kill $guest
	else
		"$TOOLS/stream" source stream0 "$bytes" >"$work/peer" || kill $guest
	fi
	wait $guest
	sed -n 's/.*MB\/s //p' "$work/peer"
}

# middle NAME: the median of what is in the file.
middle() {
	sort -n "$work/$1" | sed -n 2p
}

for direction in source sink; do
	rm -f "$work"/r_*
	for _ in 1 2 3; do
		for way in calls queues segments other; do
			some=$((MIB * 131072))
			case $way in
			calls) once $direction plain $some "$HUSK" --no-net-queues --no-net-ring ;;
			queues) once $direction plain $some "$HUSK" ;;
			segments) once $direction tso $((MIB * 1048576)) "$HUSK" ;;
			# shellcheck disable=SC2086 # words
			other) [ -z "${SOLO5_HVT-}" ] || once $direction plain $some $SOLO5_HVT ;;
			esac >>"$work/r_$way"
		done
	done
	for way in calls queues segments other; do
		[ ! -s "$work/r_$way" ] || printf '%-7s %-9s %8.1f MB/s\n' $direction $way "$(middle r_$way)"
	done
	[ -s "$work/r_other" ] && awk -v a="$(middle r_segments)" -v b="$(middle r_other)" \
		'BEGIN { printf "segments are %.1f x of the other monitor\n", a / b }'
done
[ -n "${SOLO5_HVT-}" ] || echo "no other monitor beside it: SOLO5_HVT names none"
