#!/bin/sh
# SPDX-License-Identifier: ISC
# test_vhost.sh: queues that the host's kernel serves (--net-vhost): frames, counts, hostile guests, ends.
set -u

# shellcheck source=tests/machine/lib.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib.sh"
# shellcheck source=tests/machine/lib_net.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib_net.sh"
need_guests
need_hypervisor
[ -c /dev/vhost-net ] || skip_all "no /dev/vhost-net"
[ "${BACKEND:-kvm}" = kvm ] || skip_all "vhost needs KVM's doorbells"
need_network

VHOST=--net-vhost=/dev/vhost-net
FRAMES=2000
BURST=64

tap tap100 10.0.0.1

# Threads of the kernel's: in /proc with all others, or among those of the monitor, as newer kernels have them.
workers() {
	cat /proc/[0-9]*/task/*/comm 2>/dev/null | grep -c '^vhost-'
}
others=$(workers)		# of other programs

# exchange COUNT BURST [OPTION]...: the guest sends all that it gets back.
exchange() {
	frames=$1 burst=$2
	shift 2
	launch --mem=8 --stats "$@" --net:service0=tap100 -- "$(image net_load)" echo "$frames" "$burst"
	peer frames tap100 echo "$frames" "$burst"
	await 60
}

# The exits of the last run, all kinds.
exits() {
	awk '$1 == "exits" { n += $3 } END { print n + 0 }' "$T/err"
}

# --- frames both ways, by their checksums, in order --------------------------------------------------------

exchange $FRAMES $BURST $VHOST
peer_ok "$FRAMES frames from the guest"
succeeds "as many to the guest"
figure_is "by the kernel" net:service0 by_kernel -eq 1
figure_is "none by a call" net:service0 frames_sent_by_call -eq 0
report "fewer exits than one for four frames" \
	"$([ "$(exits)" -lt $((FRAMES / 4)) ] || echo "$(exits) exits")"
report "no figure says 0 for what was not seen" "$(grep -e frames_received\  -e frames_sent\  -e rx_long "$T/err")"

exchange $FRAMES $BURST --net-vhost=auto
peer_ok "the same with auto"
succeeds "and back with auto"
figure_is "by the kernel, with auto" net:service0 by_kernel -eq 1

# offloads DIRECTION: a MiB of large frames, whose payload is looked at.
offloads() {
	launch --mem=16 --stats --net-vhost=auto --net:service0=tap100 -- "$(image stream)" --solo5:quiet \
		"$1" "tso check" 1048576
	if [ "$1" = source ]; then
		peer stream sink tap100 1048576 check
	else
		peer stream source tap100 1048576
	fi
	await 30
	peer_ok "offloads, the guest is the $1: the host's end agrees"
	succeeds "offloads, the guest is the $1: and the guest"
	figure_is "offloads, the guest is the $1: by the kernel" net:service0 by_kernel -eq 1
	report "offloads, the guest is the $1: segments come as one" \
		"$(cat "$T/out" "$T/peer" | grep -q "largest 62834" || show "$T/peer")"
}

offloads sink
offloads source

exchange 500 1 $VHOST
peer_ok "one frame at a time"
succeeds "and back, one at a time"

exchange 500 $BURST
peer_ok "without the option"
figure_is "husk serves the queues without the option" net:service0 queue_received -ge 500

run --mem=8 --stats $VHOST --net:service0=tap100 -- "$(image net_load)" send 1000 1000
succeeds "what was sent last leaves before the end"

# --- where it cannot be had --------------------------------------------------------------------------------

run --mem=8 --net-vhost=/dev/null --net:service0=tap100 -- "$(image net_load)" send 1 1
judge "another device is refused" 1 'not a vhost-net device'
run --mem=8 --net-vhost=/nowhere --net:service0=tap100 -- "$(image net_load)" send 1 1
judge "one that is not there" 1 '/nowhere.*modprobe vhost_net'
run --mem=8 --net-vhost=maybe --net:service0=tap100 -- "$(image net_load)" send 1 1
judge "what is neither word nor path" 1 'none of auto, off'
run --mem=8 --net-vhost=@77 --net:service0=tap100 -- "$(image net_load)" send 1 1
judge "a descriptor that is not open" 1 '@77.*not open'
run --mem=8 $VHOST --net:service0=@0 -- "$(image net_load)" send 1 1
judge "no tap" 1
run --check $VHOST --net:service0=tap100 "$(image net_load)"
judge "--check says that it is there" 0 'the kernel can serve its queues'
run --check --net-vhost=/nowhere --net:service0=tap100 "$(image net_load)"
judge "and that it is not" 1 'FAIL.*/nowhere'
run --dry-run $VHOST --net:service0=tap100 -- "$(image net_load)" send 1 1
judge "--dry-run says so, too" 0 'the kernel can serve its queues'

exec 9<>/dev/vhost-net
run --mem=8 --stats --net-vhost=@9 --net:service0=tap100 -- "$(image net_load)" send 10 1
succeeds "a descriptor that was handed down"
figure_is "serves" net:service0 by_kernel -eq 1
exec 9>&-

chmod 600 /dev/vhost-net
chmod 711 "$T"
tap tap100 10.0.0.1 user
as_user() {
	timeout -s KILL "$LIMIT" "$TOOLS/plain" "$HUSK" "$@" >"$T/out" 2>"$T/err" </dev/null
	status=$?
}
as_user --mem=8 $VHOST --net:service0=tap100 -- "$(image net_load)" send 10 1
judge "a user who may not open it is told" 1 'chgrp kvm /dev/vhost-net'
as_user --mem=8 --stats --net-vhost=auto --net:service0=tap100 -- "$(image net_load)" send 10 1
succeeds "with auto it is done without"
chmod 666 /dev/vhost-net
as_user --mem=8 --stats $VHOST --net:service0=tap100 -- "$(image net_load)" send 10 1
succeeds "one who may needs no privileges"
figure_is "and has it" net:service0 by_kernel -eq 1
tap tap100 10.0.0.1

# --- guests that break the rules ---------------------------------------------------------------------------

for how in outside next head loop writable; do
	run --mem=8 $VHOST --net:service0=tap100 -- "$(image hostile_frames)" --solo5:quiet wait $how
	judge "TX, $how: the run ends with the queue's name" 1 'service0, TX queue: network queue broken'
done

frames_all_the_time() {
	until ended; do
		"$TOOLS/frames" tap100 send 1 60 >/dev/null 2>&1
		sleep 0.05
	done
}
launch --mem=8 $VHOST --net:service0=tap100 -- "$(image hostile_frames)" text-stays
frames_all_the_time
await 20
succeeds "frames for the text are not written there, and the queue lives"

# --- the interface goes and comes back ---------------------------------------------------------------------

launch --mem=8 --stats $VHOST --net:service0=tap100 -- "$(image net_load)" echo 200 8
ip link set tap100 down
ip link set tap100 up
peer frames tap100 echo 200 8
await 20
peer_ok "an interface that was down for a while"
succeeds "and frames come"
launch --mem=8 --stats $VHOST --net:service0=tap100 -- "$(image net_load)" echo 200 8
ip link del tap100
tap tap100 10.0.0.1
peer frames tap100 echo 200 8
await 20
peer_ok "an interface that was deleted and made anew is attached again"
succeeds "and frames come"
figure_is "once" net:service0 reattached -eq 1

# more_than NUMBER COMMAND: whether the command says a greater one.
more_than() {
	number=$("$2" 2>/dev/null) && [ "${number:-0}" -gt "$1" ]
}

# What the guest has said: a byte for each 1024 frames.
told() {
	wc -c <"$T/out"
}

# Frames of the guest's that the interface has got.
arrived() {
	sed -n 's/^ *tap100: *[0-9]* *\([0-9]*\) .*/\1/p' /proc/net/dev
}

# flood BURST: the interface is deleted while the guest sends without end, and looks for the frame that ends it
# after each burst.
flood() {
	tap tap100 10.0.0.1
	launch --mem=8 --stats $VHOST --net:service0=tap100 -- "$(image net_load)" flood "$1"
	report "bursts of $1: frames come" "$(within 20 more_than 0 arrived || echo none)"
	ip link del tap100
	dots=$(told)
	report "bursts of $1: without the interface the guest lives, and thousands of frames are dropped" \
		"$(within 20 more_than $((dots + 3)) told || echo "it goes no further")"
	tap tap100 10.0.0.1
	report "bursts of $1: with another one frames come again" "$(within 20 more_than 0 arrived || echo none)"
	peer frames tap100 send 1 60
	await 20
	peer_ok "bursts of $1: one goes to the guest"
	succeeds "bursts of $1: which gets it"
	figure_is "bursts of $1: it was attached again" net:service0 reattached -ge 1
}

flood 64
flood 4096

# --- nothing is left ---------------------------------------------------------------------------------------

has_worker() {
	[ "$(workers)" -gt "$others" ]
}
no_worker() {
	[ "$(workers)" -le "$others" ]
}
launch --mem=8 $VHOST --net:service0=tap100 -- "$(image net_load)" take 1
report "a guest that runs has a worker" "$(within 5 has_worker || echo "none, of $(workers) in all")"
kill -TERM "$started"
await 20
for n in 1 2 3 4 5 6 7 8 9 10; do
	run --mem=8 $VHOST --net:service0=tap100 -- "$(image net_load)" send 1 1
done
report "nothing of ten starts is left" "$(within 5 no_worker || echo "$(workers) workers, not $others")"
launch --mem=8 $VHOST --net:service0=tap100 -- "$(image net_load)" take 1
kill -KILL "$started"
await 20
run --mem=8 $VHOST --net:service0=tap100 -- "$(image net_load)" send 1 1
succeeds "one that was killed leaves the tap to the next"
finish
