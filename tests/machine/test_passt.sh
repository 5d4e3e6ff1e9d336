#!/bin/sh
# SPDX-License-Identifier: ISC
# test_passt.sh: a network without root: guests behind passt, all of it as a plain user.
set -u

# shellcheck source=tests/machine/lib.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib.sh"
# shellcheck source=tests/machine/lib_net.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib_net.sh"
need_guests
need_hypervisor
for program in passt setpriv; do
	command -v $program >/dev/null || skip_all "there is no program $program here"
done
need_network

user='setpriv --reuid=65534 --regid=65534 --clear-groups'
socket=$T/guest.sock

# In this namespace the hypervisor is everybody's, and passt has a network to give away. What the user
# runs is put where the user may go.
prepare() {
	chmod 777 "$T"
	cp "$HUSK" "$T/husk" && cp "$(image example-udp-echo)" "$T/udp-echo.hvt" && chmod 755 "$T"/*echo.hvt ||
		exit 1
	HUSK=$T/husk echo_image=$T/udp-echo.hvt
	mknod "$T/kvm" c 10 232 && chmod 666 "$T/kvm" && mount --bind "$T/kvm" /dev/kvm ||
		skip_all "cannot give /dev/kvm to a plain user"
	$user "$HUSK" --check >"$T/out" 2>&1 || skip_all "a plain user cannot run guests: $(head -n 1 "$T/out")"
	tap outside 192.0.2.10
	ip route add default via 192.0.2.1
	passt_stays
}

passt_pid=
serving() {
	[ -S "$socket" ]
}

# passt_start OPTION...: the guest is 10.0.0.2; what comes to port 9007 goes to its port 7.
passt_start() {
	rm -f "$socket"
	$user passt --foreground --quiet --socket "$socket" --address 10.0.0.2 --netmask 24 \
		--gateway 10.0.0.1 --udp-ports 9007:7 "$@" >"$T/passt" 2>&1 </dev/null &
	passt_pid=$!
	within 20 serving || skip_all "passt does not start: $(tail -n 1 "$T/passt")"
}

# It confines itself when its socket is there already, which in a chroot, for one, it may not.
passt_stays() {
	passt_start
	sleep 0.5
	kill -0 "$passt_pid" 2>/dev/null || skip_all "passt does not go on: $(tail -n 1 "$T/passt")"
	passt_stop
}

passt_stop() {
	[ -z "$passt_pid" ] || kill "$passt_pid" 2>/dev/null
	wait $passt_pid 2>/dev/null
	passt_pid=
}

cleanup() {
	passt_stop
	umount /dev/kvm 2>/dev/null
}

echoes() {
	peer udp 127.0.0.1 9007 1 2 7 100 1471 1472
	[ "$peer_status" -eq 0 ]
}

answers() {
	within 20 echoes
	peer_ok "$1"
}

behind_passt() {
	for way in ring hypercalls; do
		option=--stats
		[ $way = ring ] || option=--no-net-ring
		passt_start
		start_with=$user
		launch --mem=2 --stats $option "--net:service0=unix:$socket" -- "$echo_image"
		answers "a plain user's guest answers through passt, by $way"
		passt_stop
		passt_start
		answers "and through another passt, which serves the same socket"
		kill -TERM "$started"
		await 20
		start_with=
		judge "SIGTERM ends it" 1 'Exiting on signal 15'
		figure_is "the connection was made again, once" net:service0 reattached -eq 1
		passt_stop
	done
}

# One that serves a single guest would take a connection for that.
only_looking() {
	passt_start --one-off
	for what in --check --dry-run; do
		# shellcheck disable=SC2086 # words
		$user "$HUSK" $what --mem=2 "--net:service0=unix:$socket" -- \
			"$echo_image" >"$T/out" 2>"$T/err" </dev/null
		status=$?
		judge "$what finds the socket" 0
	done
	start_with=$user
	launch --mem=2 "--net:service0=unix:$socket" -- "$echo_image"
	start_with=
	answers "and has not been taken for a guest"
	kill -TERM "$started"
	await 20
	passt_stop
	for what in --check --dry-run --stats; do
		run $what --mem=2 "--net:service0=unix:$socket" -- "$echo_image"
		judge "$what: nobody serves it" 1 'unix:.*guest.sock: .*: nobody serves it; start first'
	done
}

prepare
behind_passt
only_looking
finish
