#!/bin/sh
# SPDX-License-Identifier: ISC
# test_moments.sh: a signal at each system call of a run does what was decided for it, wherever it falls.
set -u

# shellcheck source=tests/machine/lib.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib.sh"
need_guests
need_hypervisor

moments=$BUILD/obj/tests/machine/moments
[ -x "$moments" ] || skip_all "the host's side is not built: $moments"
"$moments" stays CONT -- "$HUSK" --version >"$T/out" 2>"$T/err" || skip_all "no system call can be traced here"

quiet=$(image quiet)
spin=$(image spin)
dd if=/dev/null of="$T/disk" bs=1 seek=65536 2>/dev/null

# One of so many moments, unless all are asked for.
few=every=5 some=every=3
[ -z "${HUSK_LONG-}" ] || few=every=1 some=every=1

# at_each NAME WORD...: what moments.c takes. All that it prints before its last line is wrong.
at_each() {
	name=$1
	shift
	: >"$T/err"
	timeout -s KILL 300 "$moments" "$@" >"$T/out" 2>&1
	status=$?
	judge "$name, at each of $(sed -n '$s/ moments.*//p' "$T/out") moments" 0
}

# a_run EVERY ends|stays SIGNAL: of a guest that soon comes to its end.
a_run() {
	at_each "$3 $2" "$@" -- "$HUSK" --mem=2 "$quiet" --solo5:quiet
}

# Where vmm has a stand-in, a signal that comes in one of the many system calls of a run of the vcpu
# waits until that is over, as one does in a kernel; and then the guest may have ended.
ends() {
	[ "$BACKEND" = kvm ] || return 0
	a_run every=1 ends TERM
	a_run $few ends INT
	a_run $few ends HUP
	a_run $few ends QUIT
	at_each "TERM while a guest sleeps" $some ends TERM -- "$HUSK" --mem=2 "$spin" sleep
	at_each "TERM with a disk, and figures" $some ends TERM -- \
		"$HUSK" --mem=2 --stats=json --stats-to="$T/figures" --block:storage="$T/disk" "$(image disk)" write 0 512 read 0 512
	at_each "TERM while the console has no reader" $some stuck=1 most=80 ends TERM -- "$HUSK" --mem=2 "$spin" talk
	at_each "TERM while standard error has no reader" $some stuck=2 ends TERM -- \
		"$HUSK" --mem=2 --block-ro:storage="$T/disk" "$(image blk)"
}

# What the guest does is told to hostile_ring.c: the I/O thread takes over, and frames go both ways.
network() {
	ring=$(image hostile_ring)
	[ "$BACKEND" = kvm ] || return 0
	set -- --mem=8 --net:service0=@8 -- "$ring" --solo5:quiet
	at_each "TERM with a network" $few wire=8 ends TERM -- \
		"$HUSK" "$@" write buffer 64 read buffer 1514 submit kick 2 served
	at_each "TERM with frames in the hands of the I/O thread" $few wire=8 ends TERM -- \
		"$HUSK" "$@" hand-over write buffer 64 read buffer 1514 submit served
	report "there is one" "$(grep -q '; 2 threads' "$T/out" || show "$T/out")"
	at_each "TERM while the I/O thread sleeps" $few wire=8 ends TERM -- "$HUSK" "$@" hand-over sleep 60000
	report "there is one" "$(grep -q '; 2 threads' "$T/out" || show "$T/out")"
	at_each "STOP and CONT with a network" $few wire=8 stays STOP -- \
		"$HUSK" "$@" write buffer 64 submit kick 1 served
}

# An image that never comes. It is asked for ten times a second, so the calls do not come to an end.
loading() {
	mkfifo "$T/image"
	for what in --mem=2 --check --inspect; do
		at_each "TERM: $what, and nobody writes the image" $few most=36 ends TERM -- "$HUSK" $what "$T/image"
	done
}

# Where vmm has a stand-in, its own system calls are among those that an end takes; and --check makes a machine on
# its way there.
answers() {
	end=
	[ "$BACKEND" = kvm ] || end=end=200
	set -- --help --check "--inspect $quiet" "--check $quiet" "--dry-run $quiet"
	[ "$BACKEND" != kvm ] || set -- "$@" "--stats --mem=3 $quiet --solo5:quiet"
	for what; do
		# shellcheck disable=SC2086 # words
		at_each "TERM: $what" $few $end ends TERM -- "$HUSK" $what
	done
	at_each "TERM: --help, and nobody reads it" $few stuck=1 most=25 ends TERM -- "$HUSK" --help
}

stays() {
	for signal in STOP TSTP CONT URG CHLD WINCH PIPE XFSZ; do
		a_run $few stays $signal
	done
}

ends
network
loading
answers
stays
finish
