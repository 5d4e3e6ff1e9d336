#!/bin/sh
# SPDX-License-Identifier: ISC
# test_vsock.sh: guests with a socket device: what they may do to its queues, and programs of the host.
set -u

LIMIT=${LIMIT:-60}
# shellcheck source=tests/machine/lib.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib.sh"
need_guests
need_hypervisor
STREAMS=${TOOLS:-$BUILD/obj/tests/machine}/streams

# on_queues WORDS COMMAND...: with figures.
on_queues() {
	words=$1
	shift
	run --mem=8 --stats --vsock:service0="$words" -- "$(image hostile_vsock)" --solo5:quiet "$@"
}

# Reads lines "STATUS COMMANDS | PATTERN"; the pattern is of the message, or of a figure.
cases() {
	while read -r wanted rest; do
		case $wanted in
		'' | '#'*) continue ;;
		esac
		# shellcheck disable=SC2086 # commands are words
		on_queues cid=3 ${rest%%|*}
		judge "${rest%% |*}" "$wanted" "${rest#*| }"
	done
}

# --- queues -------------------------------------------------------------------------------------------------------------

queues() {
	cases <<'END'
# Where a queue lies.
1 queue 0 3 here here here | vsock device service0, queue 0:
1 queue 0 512 here here here | vsock device service0, queue 0:
1 queue 0 4294967295 here here here | vsock device service0, queue 0:
1 queue 1 16 null here here | vsock device service0, queue 1: .*inside read-only low memory
1 queue 1 16 here boot here | vsock device service0, queue 1: .*inside read-only low memory
1 queue 1 16 here here low | vsock device service0, queue 1: .*inside read-only low memory
1 queue 2 16 text here here | vsock device service0, queue 2: .*inside read-only
1 queue 2 16 rodata here here | vsock device service0, queue 2: .*inside read-only
1 queue 2 16 odd here here | vsock device service0, queue 2: .*aligned
1 queue 2 16 here odd here | vsock device service0, queue 2: .*aligned
1 queue 2 16 here here odd | vsock device service0, queue 2: .*aligned
1 queue 0 16 last here here | outside guest memory
1 queue 0 16 here past here | vsock device service0, queue 0:
1 queue 0 16 here here end | outside guest memory
1 queue 0 16 above here here | outside guest memory
1 queue 0 16 wrap here here | vsock device service0, queue 0:
1 queue 0 16 here here here queue 1 16 rx here here | queue 1: it shares memory with vsock device service0, queue 0
0 queue 0 256 buffer rx tx | hypercalls queue 1
0 announce refused 1 0 16 refused 1 1 16 refused 1 2 16 | hypercalls queue 6
0 refused 1 3 16 refused 0 0 16 refused 2 0 16 refused 64 0 0 refused -1 0 16 | hypercalls queue 5
0 announce take-back announce take-back take-back announce post 1 send 1 5 0 got 3 | hypercalls queue 12

# What is in it.
1 announce idx 1 17 bell 17 poll 9000 | queue 1: 17 chains submitted and 0 in flight, it has 16 entries
1 announce idx 1 -1 bell 17 poll 9000 | queue 1: 65535 chains submitted
1 announce idx 1 32768 bell 17 poll 9000 | queue 1: 32768 chains submitted
1 announce avail 1 16 bell 17 poll 9000 | queue 1: .*16
1 announce avail 1 65535 bell 17 poll 9000 | queue 1: .*65535
1 announce desc 1 0 buffer 64 1 16 avail 1 0 bell 17 poll 9000 | queue 1: descriptor
1 announce desc 1 0 buffer 64 1 0 avail 1 0 bell 17 poll 9000 | queue 1: descriptor
1 announce desc 1 0 buffer 64 1 1 desc 1 1 buffer 64 1 0 avail 1 0 bell 17 poll 9000 | queue 1: descriptor
1 announce desc 1 0 buffer 64 4 0 avail 1 0 bell 17 poll 9000 | queue 1: descriptor 0 is indirect
1 announce desc 1 0 buffer 64 3 1 desc 1 1 buffer 64 0 0 avail 1 0 bell 17 poll 9000 | queue 1: descriptor 1 is readable, behind a writable one
1 announce desc 1 0 past 64 0 0 avail 1 0 bell 17 poll 9000 | queue 1: descriptor 0: .*outside guest memory
1 announce desc 1 0 above 64 0 0 avail 1 0 bell 17 poll 9000 | queue 1: descriptor 0: .*outside guest memory
1 announce desc 1 0 wrap 64 0 0 avail 1 0 bell 17 poll 9000 | queue 1: descriptor 0: .*outside guest memory
1 announce desc 1 0 buffer 4294967295 0 0 avail 1 0 bell 17 poll 9000 | queue 1: descriptor 0: .*outside guest memory
1 announce desc 0 0 text 64 2 0 avail 0 0 send 1 5 0 spin 9000 | queue 0: descriptor 0: .*inside read-only
1 announce desc 0 0 rodata 64 2 0 avail 0 0 send 1 5 0 spin 9000 | queue 0: descriptor 0: .*inside read-only
1 announce desc 0 0 boot 64 2 0 avail 0 0 send 1 5 0 spin 9000 | queue 0: descriptor 0: .*inside read-only
0 announce desc 1 0 text 64 0 0 avail 1 0 bell 17 returned 1 | wrong_cid 1
0 announce desc 1 0 null 0 0 0 avail 1 0 bell 17 returned 1 | malformed 1
0 announce desc 1 0 buffer 43 0 0 avail 1 0 bell 17 returned 1 send 3 5 0 returned 2 | malformed 1
0 announce desc 1 0 buffer 64 2 0 avail 1 0 bell 17 returned 1 | malformed 1
0 announce desc 0 0 buffer 64 0 0 avail 0 0 send 1 5 0 post 2 got 3 | malformed 1
0 announce desc 0 0 rx 256 2 0 avail 0 0 send 1 5 0 returned 1 | packets_received 1

# Doorbells.
0 bell 16 bell 17 bell 18 announce bell 16 bell 17 bell 18 bells 3000 post 1 send 1 5 0 got 3 | packets_sent 1
1 bell 19 | no queue has the number of this doorbell
1 bell 0 | no queue has the number of this doorbell
1 bell 32 | no queue has the number of this doorbell
1 bell 4294967295 | no queue has the number of this doorbell
1 announce odd-bell 0 | a doorbell is one 32-bit store
1 announce odd-bell 1 | a doorbell is one 32-bit store
1 announce odd-bell 2 | a doorbell is one 32-bit store
1 announce odd-bell 3 | Invalid guest

# What belongs to the monitor is only a copy for the guest; what it reads, it reads once.
0 announce garble post 1 bell 16 send 1 5 0 returned 0 | packets_sent 1
0 announce race 2000 post 1 send 1 5 0 got 3 | no_connection
END
}

# --- packets ------------------------------------------------------------------------------------------------------------

packets() {
	cases <<'END'
0 announce post 4 src 4 send 1 5 0 src 0 send 1 5 0 src 4294967299 send 1 5 0 nothing | wrong_cid 3
0 announce post 4 dst 0 send 1 5 0 dst 1 send 1 5 0 dst 3 send 1 5 0 dst 4294967298 send 1 5 0 dst -1 send 1 5 0 nothing | wrong_cid 5
0 announce post 4 type 0 send 1 5 0 got 3 type 2 send 1 5 0 got 3 type 65535 send 5 5 9 got 3 send 3 5 0 nothing | wrong_type 4
0 announce post 8 send 2 5 0 got 3 send 4 5 0 got 3 send 5 5 9 got 3 send 6 5 0 got 3 send 7 5 0 got 3 send 0 5 0 got 3 send 8 5 0 got 3 | no_connection 7
0 announce post 2 send 3 5 0 nothing | no_connection 1
0 announce post 2 hlen 65537 send 5 5 9 hlen 4294967295 send 5 5 9 hlen 10 send 5 5 9 hlen 9 send 5 5 9 got 3 returned 4 | malformed 3
0 announce post 2 send 1 0 0 got 3 send 1 4294967295 0 got 3 | refused 2
END
}

# --- streams ------------------------------------------------------------------------------------------------------------

# guest WORDS [COMMAND...]: starts a guest that echoes, also at $T/u by command.
guest() {
	words=uds=$T/u${1:+,$1}
	shift
	start --mem=128 --stats "--vsock:service0=$words" -- "$(image vsock_echo)" --solo5:quiet "$@"
	within 20 grep -q READY "$T/out"
}

# end_guest NAME [PATTERN]...: the guest ends in good order, with no connection left but that which asks for the end.
end_guest() {
	"$STREAMS" say "$T/u" 'CONNECT 9\n' >"$T/say"
	await 20
	name=$1
	shift
	judge "$name" 0 SUCCESS 'connections 1$' "$@"
	[ ! -e "$T/u" ] || not_ok "$name: the socket's file is gone" "it is there"
}

# talks NAME PATTERN WORD...: the program of the host that many tests need.
talks() {
	name=$1 pattern=$2
	shift 2
	if timeout -s KILL "$LIMIT" "$STREAMS" "$@" >"$T/said" 2>&1 && grep -q -e "$pattern" "$T/said"; then
		ok "$name"
	else
		not_ok "$name" "$(tail -c 300 "$T/said")"
	fi
}

bulk=${HUSK_LONG:+1000000000}
bulk=${bulk:-100000000}

streams() {
	guest "listen=80:$T/web,connect=5:$T/served"
	LIMIT=600 talks "V25: many bytes each way" "$bulk sent, $bulk back" talk "$T/web" "$bulk"
	talks "one byte each way" '1 sent, 1 back' talk "$T/web" 1
	talks "no byte each way" '0 sent, 0 back' talk "$T/web" 0
	talks "V33: a port by command" '300000 sent, 300000 back' talk "$T/u" 300000 port 52
	talks "small pieces" '200000 sent, 200000 back' talk "$T/web" 200000 chunk 100
	talks "V47: a slow reader" '700000 sent, 700000 back' talk "$T/web" 700000 slow-read 5 chunk 10000
	talks "a slow writer" '100000 sent, 100000 back' talk "$T/web" 100000 slow-write 5 chunk 1000
	talks "a reader that leaves" 'sent' talk "$T/web" 5000000 leave 100000
	"$STREAMS" talk "$T/web" 1000000000 >"$T/said" 2>&1 &
	sleep 0.3
	kill -KILL $!
	wait $! 2>/dev/null
	talks "after one was killed" '1000 sent, 1000 back' talk "$T/web" 1000
	end_guest "V38: nothing is left of them" 'opened [1-9]'
	guest '' window 1000
	talks "V43: a guest that holds little" '300000 sent, 300000 back' talk "$T/u" 300000 port 52
	end_guest "nothing is left of it"
}

# V25, by the guest.
called() {
	"$STREAMS" serve "$T/served" 10000000 >"$T/said" 2>&1 &
	served=$!
	within 20 grep -q LISTENING "$T/said"
	guest "connect=5:$T/served" call 5
	if wait "$served"; then
		ok "V25: a guest calls a program"
	else
		not_ok "V25: a guest calls a program" "$(cat "$T/said")"
	fi
	end_guest "nothing is left of it"
	rm -f "$T/served"
	"$STREAMS" serve "$T/u_7" 100000 >"$T/said" 2>&1 &
	served=$!
	within 20 grep -q LISTENING "$T/said"
	guest '' call 7
	if wait "$served"; then
		ok "V25: by the prefix"
	else
		not_ok "V25: by the prefix" "$(cat "$T/said")"
	fi
	end_guest "nothing is left of that"
	rm -f "$T/u_7"
}

# line NAME PATTERN TEXT [WORD]...: what a client is answered that says so, while others go on.
line() {
	name=$1 pattern=$2
	shift 2
	timeout -s KILL 30 "$STREAMS" say "$T/u" "$@" >"$T/said" 2>&1
	if grep -q -x -e "$pattern" "$T/said"; then
		ok "$name"
	else
		not_ok "$name" "$(tail -c 300 "$T/said")"
	fi
}

lines() {
	guest '' refuse 77
	line "V33: OK and the port" 'OK 1073741824' 'CONNECT 52\n'
	line "V34: lower case, blanks, more words" 'OK [0-9]*' 'connect   52  x \n'
	line "V34: bytes behind the line" 'hello.*' 'CONNECT 52\nhello'
	line "V35: a byte at a time" 'hello.*' 'CONNECT 52\nhello' dribble
	for text in 'CONNECT\n' 'CONNECT -1\n' 'CONNECT 4294967296\n' 'CONNECT x\n' 'GET / HTTP/1.1\n' '\n' \
		'CONNECT 5                        \n' "CONNECT $(head -c 5000 /dev/zero | tr '\0' 9)"; do
		line "V36: $(echo "$text" | head -c 40)" '\(END\|Connection reset by peer\) after 0 s' "$text"
	done
	timeout -s KILL 30 "$STREAMS" pump "$T/u" 20 >"$T/said" 2>&1
	report "V36: a client that goes on for ever" \
		"$(grep -q 'after [0-9]* bytes: \(Broken pipe\|Connection reset\)' "$T/said" || show "$T/said")"
	line "V36: a line that does not end" '\(END\|Connection reset by peer\) after [12] s' 'CONN'
	line "V37: nothing" 'END after [12] s' ''
	line "V39: the guest refuses" 'END after 0 s' 'CONNECT 77\n'
	line "V40: the guest does not answer" 'END after [12] s' 'CONNECT 78\n'
	talks "V37: 900 clients that say nothing" '900 ended, 0 refused' idle "$T/u" 900
	talks "others go on meanwhile" '1000 sent, 1000 back' talk "$T/u" 1000 port 52
	end_guest "none of them is left" 'timed_out [1-9]'
}

# descriptors: how many the run in the background has open.
descriptors() {
	find "/proc/$started/fd" -type l 2>/dev/null | wc -l
}

# shellcheck disable=SC2317 # within calls it
as_before() {
	[ "$(descriptors)" -eq "$before" ]
}

many() {
	guest "listen=80:$T/web"
	before=$(descriptors)
	seconds=${HUSK_LONG:+60} clients=${HUSK_LONG:+1000}
	LIMIT=120 talks "connections come and go at random" '[0-9]* done' many "$T/web" "${seconds:-5}" \
		"${clients:-100}"
	report "none of their descriptors is left" \
		"$(within 20 as_before || echo "$before before, $(descriptors) after")"
	end_guest "all counts are back at none"
}

# V58, V32: with few descriptors, and when they are there again; as many connections as a guest has.
limits() {
	printf '#!/bin/sh\nulimit -n %s\nexec "$@"\n' 48 >"$T/few"
	chmod +x "$T/few"
	start_with=$T/few
	guest ''
	start_with=
	"$STREAMS" hold "$T/u" 20 >"$T/said" 2>&1 &
	holder=$!
	within 20 grep -q HELD "$T/said"
	timeout -s KILL 5 "$STREAMS" hold "$T/u" 100 >"$T/more" 2>&1
	kill -KILL "$holder" 2>/dev/null
	wait "$holder" 2>/dev/null
	talks "V58: when there are descriptors again" '1000 sent, 1000 back' talk "$T/u" 1000 port 52
	end_guest "V58: nothing is left of the others"
}

# used: processor time of the run in the background, in clock ticks.
used() {
	sed 's/.*) //' "/proc/$started/stat" | awk '{ print $12 + $13 }'
}

# V54, bug 7: connections that have nothing to say, or cannot, cost nothing.
idle() {
	guest ''
	"$STREAMS" hold "$T/u" 30 >"$T/said" 2>&1 &
	holder=$!
	within 20 grep -q HELD "$T/said"
	before=$(used)
	sleep 3
	after=$(used)
	kill -KILL "$holder" 2>/dev/null
	wait "$holder" 2>/dev/null
	report "an idle guest with 30 connections takes no processor time" \
		"$([ $((after - before)) -le 3 ] || echo "$((after - before)) ticks in 3 s")"
	end_guest "nothing is left of them either"
	start --mem=8 "--vsock:service0=uds=$T/u" -- "$(image hostile_vsock)" --solo5:quiet \
		announce send 1 5 0 send 5 6 9 poll 500 poll 500 poll 20000
	within 20 grep -q READY "$T/out"
	"$STREAMS" hold "$T/u" 30 >"$T/said" 2>&1 &
	holder=$!
	sleep 3
	before=$(used)
	sleep 2
	after=$(used)
	kill -KILL "$holder" 2>/dev/null
	wait "$holder" 2>/dev/null
	kill -TERM "$started"
	await 20
	judge "V54: a guest that takes no packets is ended" 1 'signal 15'
	report "V54: nor does one that takes no packets" \
		"$([ $((after - before)) -le 3 ] || echo "$((after - before)) ticks in 2 s")"
}

# --- files --------------------------------------------------------------------------------------------------------------

files() {
	guest ''
	started_kill
	wait
	rm -f "$T/pid"
	if [ -S "$T/u" ]; then ok "a monitor that is killed leaves its socket"; else not_ok "a killed monitor's socket" "it is gone"; fi
	guest ''
	talks "and the next replaces it" '10 sent, 10 back' talk "$T/u" 10 port 52
	"$HUSK" "--vsock:service0=listen=$T/u" -- "$(image vsock_echo)" >"$T/second" 2>&1
	if grep -q "device service0: .listen=$T/u': $T/u: cannot listen: .*another program has that socket" "$T/second"; then
		ok "another monitor is refused"
	else
		not_ok "another monitor is refused" "$(cat "$T/second")"
	fi
	"$HUSK" --check "--vsock:service0=listen=$T/u" -- "$(image vsock_echo)" >"$T/second" 2>&1
	if grep -q "FAIL device service0: .*another program has that socket" "$T/second"; then
		ok "--check says so"
	else
		not_ok "--check says so" "$(cat "$T/second")"
	fi
	talks "and the first goes on" '10 sent, 10 back' talk "$T/u" 10 port 52
	end_guest "without a trace of the others" 'opened 2$'
	run --check "--vsock:service0=listen=$T/new,connect=5:$T/none" -- "$(image vsock_echo)"
	judge "--check makes no socket" 0 'ok   device service0, VSOCK: can be attached'
	[ ! -e "$T/new" ] || not_ok "--check makes no socket" "it is there"
	run -- "$(image vsock_echo)"
	judge "a device that is not attached" 1 "Device 'service0' of type VSOCK declared but not attached.*--vsock:service0=connect=PORT:PATH"
	run --vsock:service0=cid=2 -- "$(image vsock_echo)"
	judge "a word that is wrong" 1 "Invalid option: .--vsock:service0=cid=2': .cid=2': CID .2' is not a number from 3 to"
	run --inspect -- "$(image vsock_echo)"
	judge "--inspect shows what is wanted" 0 'device:   service0, VSOCK' 'wants:    Husk note version 1, vsock'
}

# A listener that was handed down, blocking as it is.
passed() {
	: >"$T/out"
	# shellcheck disable=SC2086
	"$STREAMS" pass "$T/given" 7 timeout -s KILL 60 "$HUSK" --mem=128 "--vsock:service0=listen=80:@7,listen=$T/u" -- \
		"$(image vsock_echo)" --solo5:quiet >"$T/out" 2>"$T/err" </dev/null &
	within 20 grep -q READY "$T/out"
	talks "a socket that was handed down" '100000 sent, 100000 back' talk "$T/given" 100000
	"$STREAMS" say "$T/u" 'CONNECT 9\n' >"$T/say"
	wait $!
	status=$?
	judge "stays its starter's" 0 SUCCESS
	[ -S "$T/given" ] || not_ok "stays its starter's" "it is gone"
}

# --- ends ---------------------------------------------------------------------------------------------------------------

stops() {
	for delay in 0 0.1 0.2 0.3 0.4 0.5 0.7; do
		start --mem=128 "--vsock:service0=uds=$T/u" -- "$(image vsock_echo)" --solo5:quiet
		(within 20 [ -S "$T/u" ] && "$STREAMS" talk "$T/u" 1000000000 port 52) >"$T/said" 2>&1 &
		talker=$!
		sleep "$delay"
		kill -TERM "$started"
		await 20
		judge "SIGTERM after $delay s" 1 'signal 15'
		[ ! -e "$T/u" ] || not_ok "SIGTERM after $delay s" "the socket's file is there"
		kill -KILL "$talker" 2>/dev/null
		wait "$talker" 2>/dev/null
	done
}

queues
packets
if [ -x "$STREAMS" ]; then
	streams
	called
	lines
	many
	limits
	idle
	files
	passed
	stops
else
	skip "streams" "the host's side is not built: $STREAMS"
fi
finish
