#!/bin/sh
# SPDX-License-Identifier: ISC
# test_web.sh: the HTTP server of examples/web: many clients, rude ones, slow ones, and a link that comes and goes;
# checksums and segments that it leaves to the host.
#
# WEB_REQUESTS is the number of requests of the longest run (1000).
set -u

# shellcheck source=tests/machine/lib.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib.sh"
# shellcheck source=tests/machine/lib_net.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib_net.sh"
need_guests
need_hypervisor
[ -e "$(image web)" ] || skip_all "examples/web is not built: make web"
for tool in http syn; do
	[ -x "$TOOLS/$tool" ] || skip_all "the client is not built: $TOOLS/$tool"
done
# An emulated machine is there for the tests alone; it has no namespaces to make.
if command -v unshare >/dev/null; then
	need_network
else
	network_quieten
fi

requests=${WEB_REQUESTS:-1000} many=1000 few=100 body=1000000
# There a request takes more than 10 ms, and so does a segment.
! lacks_instructions || many=200 few=20 body=100000

serve() {
	start --mem=4 "$@" --net:service0=tap100 -- "$(image web)" --solo5:quiet
	within 20 grep -q 'Serving http://10.0.0.2/' "$T/out" || echo "# the server does not say that it is ready"
}

# The server would go on for ever: that it is there until it is told to stop is the test.
served() {
	if ended; then
		not_ok "$1: the server goes on" "it has ended"
	else
		ok "$1: the server goes on"
		kill -TERM "$started"
	fi
	await 20
	judge "$1: it stops when it is told to" 1 'signal 15'
}

# got NAME PATH WORD...: the client is content with all answers. It ends by itself.
got() {
	title=$1
	shift
	if "$TOOLS/http" 10.0.0.2 "$@" seconds "$LIMIT" >"$T/peer" 2>&1; then
		ok "$title: $(tail -n 1 "$T/peer")"
	else
		not_ok "$title" "$(tail -n 1 "$T/peer"); $(head -n 1 "$T/peer")"
	fi
}

pages() {
	got "$1: $2 requests, 16 at a time" / requests "$2" parallel 16
	got "$1: $many on 16 connections that are kept" / requests "$many" parallel 16 keep
	got "$1: one after the other" / requests "$few"
	got "$1: on one connection" / requests "$few" keep
}

bodies() {
	got "$1: a body of $body bytes" "/bytes/$body"
	got "$1: 8 bodies at a time, on connections that are kept" "/bytes/$((body / 10))" requests 16 parallel 8 keep
	for size in 0 1 15 16 17 1300 1460 5840 5841 65536; do
		got "$1: a body of $size bytes" "/bytes/$size"
	done
	got "$1: $body bytes to the server" /sum send "$body"
	got "$1: 8 times $((body / 10)) at a time" /sum send $((body / 10)) requests 8 parallel 8
	for size in 1 2919 2920 2921 58400; do
		got "$1: $size bytes to the server" /sum send "$size"
	done
	got "$1: to where nobody takes it" /bytes/1 send 10000 status 405
	got "$1: only the head" / head requests 4 keep
	got "$1: a page that is not there" /nowhere status 404 requests 4 keep
	got "$1: nor is this one" /bytes/none status 404
}

rude() {
	got "requests that end in the middle" / half requests "$few" parallel 16
	got "connections that are reset while they send" "/bytes/$body" abort requests "$few" parallel 16
	got "a body of which nobody says how long it is" /sum send 1000 chunked status 411
	got "clients that say nothing more" /bytes/10000 shut requests 16 parallel 16
	got "bodies that end in the middle" /sum send $((body / 10)) half requests "$few" parallel 16
	got "the others are served as before" / requests "$few" parallel 4
	got "a client that comes from the same port again" / requests 2 port 40000
}

# More than the server has connections: those on which nothing happens have to give way.
slow() {
	got "a client that sends a byte at a time, and takes few" /bytes/5000 dribble requests 4 parallel 4
	"$TOOLS/http" 10.0.0.2 / idle requests 100 parallel 100 seconds 8 >/dev/null 2>&1 &
	idle=$!
	sleep 1
	got "among 100 connections on which nothing happens" / requests "$few" parallel 4
	kill "$idle" 2>/dev/null
	wait "$idle" 2>/dev/null
}

# What the server holds for one connection must leave room for the others.
deaf() {
	"$TOOLS/http" 10.0.0.2 /bytes/100000000 deaf keep requests 56 parallel 56 seconds "$LIMIT" >/dev/null 2>&1 &
	deaf=$!
	sleep 1
	got "beside 56 that ask and do not read" / requests "$few" parallel 4
	report "which have not been given up for that" \
		"$(grep -q '^State:.[RSD]' "/proc/$deaf/status" || echo "they are gone")"
	kill "$deaf" 2>/dev/null
	wait "$deaf" 2>/dev/null
}

# TCP sends again what got lost meanwhile.
link_fails() {
	"$TOOLS/http" 10.0.0.2 "/bytes/$((body * 10))" seconds "$LIMIT" >"$T/background" 2>&1 &
	client=$!
	sleep 0.3
	ip link set tap100 down
	sleep 1
	kill -0 "$client" 2>/dev/null || echo "# the body had arrived before the link went down"
	ip link set tap100 up
	wait "$client" && : >"$T/background"
	report "a body arrives, though the link is down for a second" "$(cat "$T/background")"
	got "pages afterwards" / requests "$few" parallel 4
}

# checked NAME KIND ANSWER: what becomes of a connection whose first segment has such a checksum.
checked() {
	"$TOOLS/syn" tap100 10.0.0.1 10.0.0.2 "$2" >"$T/peer" 2>&1
	report "$1: one whose checksum is $2 is $3" "$(grep -q "^$3\$" "$T/peer" || show "$T/peer")"
}

stopped() {
	kill -TERM "$started"
	await 20
	judge "$1: the server is told to stop" 1 'signal 15'
}

# Frames of the MTU that the body is.
full=$((body / 1460))

# What Linux puts into a frame follows from how soon it is acknowledged: here, as much as half a window.
segments_alike() {
	[ ! -e /proc/sys/net/ipv4/tcp_min_tso_segs ] || echo 20 >/proc/sys/net/ipv4/tcp_min_tso_segs
}

# What the host does for a server that asks, and what it takes where it does not.
offloads() {
	serve --stats
	got "offloads: bytes to the server" /sum send "$body"
	checked offloads wrong "not answered"
	checked offloads right answered
	checked offloads unfinished answered
	stopped "offloads, in"
	figure_is "offloads: frames of many segments come" net:service0 queue_received -lt $((full / 3))
	serve --stats
	got "offloads: bytes from the server" "/bytes/$body"
	stopped "offloads, out"
	figure_is "offloads: checksums of what is sent are left to the host" net:service0 offloaded_sent -ge $full
	figure_is "offloads: which takes all of it" net:service0 tx_error -eq 0
}

none() {
	serve --stats --no-net-queues
	got "no offloads: bytes to the server" /sum send "$body"
	checked "no offloads" wrong "not answered"
	checked "no offloads" right answered
	checked "no offloads" unfinished answered	# by then the host has finished it
	stopped "no offloads"
	figure_is "no offloads: frames of one segment come" net:service0 frames_received -ge $full
	figure_is "no offloads: nothing is left to the host" net:service0 offloaded_sent -eq 0
}

usage() {
	for words in nonsense 10.0.0 10.0.0.2/33 10.0.0.256 '10.0.0.2 x'; do
		run --mem=4 --net:service0=tap100 -- "$(image web)" "$words"
		judge "the address '$words' is none" 1 'Usage: web.hvt'
	done
	start --mem=4 --net:service0=tap100 -- "$(image web)" --solo5:quiet 10.0.0.2/16 10.0.0.1
	within 20 grep -q 'Serving http://10.0.0.2/' "$T/out"
	got "an address with a gateway" /
	kill -TERM "$started"
	await 20
}

tap tap100 10.0.0.1
segments_alike
serve --stats
pages "by queues" "$requests"
bodies "by queues"
rude
slow
deaf
link_fails
served "by queues"
serve --no-net-queues --no-net-ring
pages "by hypercalls" "$many"
bodies "by hypercalls"
served "by hypercalls"
if lacks_instructions; then
	skip "offloads" "queues, without which there are none, cost more than exits here"
else
	offloads
fi
none
usage
finish
