#!/bin/sh
# SPDX-License-Identifier: ISC
# test_vsock_examples.sh: examples/vsock-echo and vsock-http, and programs of the host: socat, curl, and one of our own.
set -u

LIMIT=${LIMIT:-60}
# shellcheck source=tests/machine/lib.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib.sh"
need_guests
need_hypervisor
STREAMS=${TOOLS:-$BUILD/obj/tests/machine}/streams

# serve EXAMPLE WORDS PATTERN [COMMAND...]: starts it, and waits for what it says when it is ready.
serve() {
	example=$1 words=$2 ready=$3
	shift 3
	start --mem=4 --stats --vsock:service="$words" -- "$(image "example-$example")" --solo5:quiet "$@"
	within 20 grep -q "$ready" "$T/out" || echo "# it does not say '$ready'"
}

# stop NAME PATTERN...: it is there until it is told to end, and leaves no socket behind.
stop() {
	name=$1
	shift
	if ended; then
		not_ok "$name: it goes on until it is told to end" "it has ended"
	else
		kill -TERM "$started"
	fi
	await 20
	judge "$name" 1 'signal 15' "$@"
	[ ! -e "$T/sock" ] || not_ok "$name: its socket is gone" "it is there"
}

# content NAME EXPECTED COMMAND...: what the command prints is the file.
content() {
	name=$1 expected=$2
	shift 2
	timeout -s KILL "$LIMIT" "$@" >"$T/said" 2>"$T/complaint"
	code=$?
	if [ $code -eq 0 ] && cmp -s "$T/said" "$expected"; then
		ok "$name"
	else
		not_ok "$name" "status $code: $(head -c 200 "$T/said" | tr -cd '\040-\176\n') $(head -n 1 "$T/complaint")"
	fi
}

# Of a body without an end, so that a client cannot know of it but by the end of the stream.
random_bytes() {
	head -c "$1" /dev/urandom
}

# --- echo ---------------------------------------------------------------------------------------------------------------

echo_by_socat() {
	command -v socat >/dev/null || { skip "socat" "there is none"; return; }
	random_bytes 1000000 >"$T/bytes"
	: >"$T/none"
	content "socat: a million bytes come back" "$T/bytes" sh -c "socat -t 30 - UNIX-CONNECT:$T/sock <$T/bytes"
	content "socat: nothing comes back from nothing" "$T/none" \
		sh -c "socat -t 30 - UNIX-CONNECT:$T/sock </dev/null"
}

echoes() {
	serve vsock-echo "listen=7:$T/sock" 'Waiting for connections'
	if "$STREAMS" talk "$T/sock" 300000 >"$T/said" 2>&1; then
		ok "echo: 300000 bytes come back"
	else
		not_ok "echo: 300000 bytes come back" "$(cat "$T/said")"
	fi
	# While one connection is served the next waits, and loses nothing.
	"$STREAMS" talk "$T/sock" 200000 slow-read 3 chunk 10000 >"$T/first" 2>&1 &
	first=$! why=
	"$STREAMS" talk "$T/sock" 100000 >"$T/said" 2>&1 || why=$(cat "$T/said")
	wait $first || why="$why; $(cat "$T/first")"
	report "echo: one waits for the other" "$why"
	echo_by_socat
	stop "echo ends when it is told to" 'refused 0$' 'malformed 0$' 'overruns 0$'
}

calls_the_host() {
	"$STREAMS" serve "$T/host" 100000 >"$T/said" 2>&1 &
	served=$!
	within 20 grep -q LISTENING "$T/said"
	serve vsock-echo "connect=7:$T/host" Connected connect
	why=
	wait $served || why=$(cat "$T/said")
	report "echo connects to the host" "$why"
	await 20
	judge "echo ends with its connection" 0 'Connected to port 7 of the host' 'opened 1$'
	rm -f "$T/host"
	run --mem=4 --vsock:service="connect=7:$T/host" -- "$(image example-vsock-echo)" --solo5:quiet connect
	judge "echo says that nobody is there" 1 'nobody serves port 7'
	run --mem=4 --vsock:service=cid=9 -- "$(image example-vsock-echo)" --solo5:quiet other
	judge "echo refuses what it does not know" 1 'the argument is connect or nothing, not: other'
}

# --- http ---------------------------------------------------------------------------------------------------------------

# answers NAME PATTERN TEXT: what a client is answered that says so.
answers() {
	timeout -s KILL 30 "$STREAMS" say "$T/sock" "$3" >"$T/said" 2>&1
	report "$1" "$(grep -q -e "$2" "$T/said" || show "$T/said")"
}

pages_by_curl() {
	command -v curl >/dev/null || { skip "curl" "there is none"; return; }
	printf '<!doctype html>\n<title>husk</title>\n<p>This page comes from a unikernel that has no network.</p>\n' >"$T/page"
	content "curl: the page" "$T/page" curl -sS --unix-socket "$T/sock" http://unikernel/
	printf 404 >"$T/code"
	content "curl: another page" "$T/code" curl -sS --unix-socket "$T/sock" -w '%{http_code}' http://unikernel/other
	printf 200 >"$T/code"
	content "curl: its head" "$T/code" curl -sS --unix-socket "$T/sock" -o /dev/null -I -w '%{http_code}' http://unikernel/
	clients='' wrong=''
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		curl -sS --max-time 30 --unix-socket "$T/sock" -o "$T/page.$i" http://unikernel/ 2>"$T/complaint.$i" &
		clients="$clients $!"
	done
	# shellcheck disable=SC2086 # a list
	wait $clients
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		cmp -s "$T/page.$i" "$T/page" || wrong="$wrong $i: $(cat "$T/complaint.$i")"
	done
	report "curl: twenty at a time" "$wrong"
}

pages() {
	serve vsock-http "listen=80:$T/sock" 'Serving port 80'
	answers "http: a page" 'This page comes from a unikernel' 'GET / HTTP/1.1\n\n'
	answers "http: its head alone" '^Content-Length: 97' 'HEAD / HTTP/1.1\nHost: a\n\n'
	answers "http: another page" '^HTTP/1.1 404 ' 'GET /other HTTP/1.1\n\n'
	answers "http: another method" '^HTTP/1.1 501 ' 'POST / HTTP/1.1\n\n'
	answers "http: a head that is too long" '^HTTP/1.1 400 ' "GET / HTTP/1.1\\nA: $(printf %04000d 0)"
	"$STREAMS" idle "$T/sock" 70 >"$T/idle" 2>&1 &
	idle=$!
	within 30 sh -c "! kill -0 $idle" 2>/dev/null || echo "# the idle clients are still there"
	report "http: clients that say nothing lose their places" "$(grep -q '^[67][0-9] ended' "$T/idle" || show "$T/idle")"
	answers "http: others are served then" 'This page comes from a unikernel' 'GET / HTTP/1.1\n\n'
	pages_by_curl
	stop "http ends when it is told to" 'malformed 0$' 'overruns 0$'
}

# --- without ------------------------------------------------------------------------------------------------------------

# SOLO5_HVT names a monitor of the Solo5 project's, which knows nothing of all this.
refused() {
	run -- "$(image example-vsock-http)"
	judge "a device that is not attached is named" 1 'service' '[-]-vsock:service'
	[ -n "${SOLO5_HVT-}" ] || return
	"$SOLO5_HVT" --mem=4 "$(image example-vsock-http)" >"$T/out" 2>"$T/err" </dev/null
	status=$?
	judge "a monitor without such devices refuses the image" 1 "Device 'service' of type .* declared but not attached"
	"$SOLO5_HVT" --mem=4 "$(image vsock_wants)" >"$T/out" 2>"$T/err" </dev/null
	status=$?
	judge "one that only wants additions runs there" 0 SUCCESS
}

wants() {
	run --mem=4 -- "$(image vsock_wants)"
	succeeds "an image that wants additions and has no use for them runs, and is granted none"
}

echoes
calls_the_host
pages
refused
wants
finish
