#!/bin/sh
# SPDX-License-Identifier: ISC
# vsock.sh: streams between a guest and a program of the host, beside those between two programs.
#
# Usage: vsock.sh [SECONDS]; each figure takes so long (3). From the environment: HUSK, BUILD, SRC. It
# prints figures and judges nothing. The guest copies no byte, so that what is measured is the monitor,
# and holds 1 MiB for a connection, as is good for bulk data.
set -u

SECONDS_EACH=${1:-3}
SRC=${SRC:-$(dirname "$0")/../..}
BUILD=${BUILD:-.}
HUSK=${HUSK:-$BUILD/husk}
STREAMS=$BUILD/obj/tests/machine/streams
IMAGE=$BUILD/obj/tests/guests/vsock_echo.hvt

for file in "$HUSK" "$STREAMS" "$IMAGE"; do
	[ -e "$file" ] || { echo "vsock.sh: $file is missing: run make tests" >&2; exit 1; }
done
work=$(mktemp -d "${TMPDIR:-/tmp}/husk-bench.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# with_guest WORD...: what the program says, in $work/said, and the guest's figures, in $work/figures.
with_guest() {
	: >"$work/out"
	"$HUSK" --mem=384 --stats \
		"--vsock:service0=uds=$work/u,listen=10:$work/10,listen=11:$work/11,listen=12:$work/12" -- \
		"$IMAGE" --solo5:quiet most 64 window 1048576 >"$work/out" 2>"$work/figures" </dev/null &
	guest=$!
	tries=0
	until grep -q READY "$work/out" || [ $tries -eq 500 ]; do
		tries=$((tries + 1))
		sleep 0.02
	done
	"$STREAMS" "$@" >"$work/said"
	"$STREAMS" say "$work/u" 'CONNECT 9\n' >/dev/null || kill $guest
	wait $guest
}

# figure SUBJECT NAME
figure() {
	awk -v subject="$1" -v name="$2" '$1 == subject && $2 == name { n = $3 } END { print n + 0 }' \
		"$work/figures"
}

# stream NAME PORT CHUNK [pull]
stream() {
	name=$1 port=$2 chunk=$3
	shift 3
	with_guest pump "$work/$port" "$SECONDS_EACH" chunk "$chunk" "$@"
	read -r moved _ rate _ <"$work/said"
	"$STREAMS" pair - "$SECONDS_EACH" chunk "$chunk" "$@" >"$work/pair"
	read -r _ _ pair _ <"$work/pair"
	awk -v name="$name" -v moved="$moved" -v rate="$rate" -v pair="$pair" \
		-v exits="$(figure exits pio)" -v mmio="$(figure exits mmio)" \
		-v calls="$(figure total system_calls)" 'BEGIN {
		mb = moved / 1e6
		printf "%-28s %8.1f MB/s  %6.2f exits/MB  %6.1f calls/MB  socket pair %8.1f MB/s\n", name,
			rate, (exits + mmio) / mb, calls / mb, pair }'
}

echo "vsock: husk --stats counts exits and system calls; a MB is 10^6 bytes"
stream "host to guest, 64 KiB" 10 65536
stream "host to guest, 4 KiB" 10 4096
stream "guest to host, 64 KiB" 11 65536 pull
stream "guest to host, 4 KiB" 11 4096 pull
with_guest trips "$work/12" "$SECONDS_EACH"
read -r _ _ trips _ <"$work/said"
echo "one byte there and back      $trips a second"
