# SPDX-License-Identifier: ISC
# shellcheck shell=sh
# lib.sh: what the suites that run guests share: running the monitor, judging a run, TAP.
#
# Sourced. From the caller's environment: HUSK (the monitor), BUILD (the build directory, for the
# guests) and SRC. Every run leaves its output in $T/out and $T/err and its exit status in $status.

HUSK=${HUSK:-husk}
BUILD=${BUILD:-.}
GUESTS=${GUESTS:-$BUILD/obj/tests/guests}
INHERIT=$BUILD/obj/tests/machine/inherit	# runs a command with something handed down
LIMIT=${LIMIT:-300}
count=0 failures=0 status=0

T=$(mktemp -d "${TMPDIR:-/tmp}/husk-test.XXXXXX") || exit 1
export HUSK_VMM_DIR="$T/machines"	# where vmm's stand-in keeps its own
trap 'started_kill; cleanup; rm -rf "$T"' EXIT
trap 'exit 1' HUP INT TERM

# A suite that has more to clean up replaces this.
cleanup() {
	:
}

skip_all() {
	echo "1..0 # SKIP $*"
	exit 0
}

finish() {
	tell_confinement
	echo "1..$count"
	[ "$failures" -eq 0 ]
	exit
}

# ok NAME; not_ok NAME REASON; skip NAME REASON
ok() {
	count=$((count + 1))
	printf 'ok %s - %s\n' "$count" "$1"
}

not_ok() {
	count=$((count + 1)) failures=$((failures + 1))
	printf 'not ok %s - %s\n# %s\n' "$count" "$1" "$2"
	for stream in out err; do
		[ ! -s "$T/$stream" ] || head -c 1000 "$T/$stream" | tr -cd '\040-\176\n' |
			awk -v stream="$stream" '{ print "#   " stream ": " $0 }'	# which ends the last line, too
	done
}

skip() {
	count=$((count + 1))
	printf 'ok %s - %s # SKIP %s\n' "$count" "$1" "$2"
}

# report NAME REASON: passed if the reason is empty.
report() {
	if [ -z "$2" ]; then
		ok "$1"
	else
		not_ok "$1" "$2"
	fi
}

# show FILE: what is in it, as a report's reason, which an empty file or none must not be.
show() {
	shown=$(cat "$1" 2>/dev/null)
	echo "${shown:-nothing is in ${1##*/}}"
}

# Machines of vmm outlive a monitor that was killed, and the next start says so, which most suites do
# not ask for. A suite that does sets keep_machines.
forget_machines() {
	if [ "${BACKEND:-kvm}" = vmm ] && [ -z "${keep_machines-}" ]; then
		rm -rf "$HUSK_VMM_DIR"
	fi
}

# With standard output and error apart, nothing to read, and a time limit.
run() {
	forget_machines
	timeout -s KILL "$LIMIT" "$HUSK" "$@" >"$T/out" 2>"$T/err" </dev/null
	status=$?
}

image() {
	echo "$GUESTS/$1.hvt"
}

printed() {
	grep -q -e "$1" "$T/out" "$T/err"
}

# A sanitizer's report is a failure whatever the test was after.
unsound() {
	grep -l -e 'Sanitizer' -e 'runtime error:' "$T/err" 2>/dev/null
}

# judge NAME STATUS [PATTERN]...: the last run ended with the status, and printed something like each pattern.
judge() {
	name=$1 wanted=$2 reason=
	shift 2
	[ "$status" = "$wanted" ] || reason="exit status $status, not $wanted"
	for pattern; do
		printed "$pattern" || reason="${reason:+$reason; }nothing like '$pattern' was printed"
	done
	[ -z "$(unsound)" ] || reason="${reason:+$reason; }a sanitizer warned"
	report "$name" "$reason"
}

succeeds() {
	judge "$1" 0 SUCCESS
}

aborts() {
	judge "$1" 255 ABORT
}

# Whether the host's pages are those of 4 KiB.
has_small_pages() {
	grep -q 'KernelPageSize: *4 kB' /proc/self/smaps
}

# judge_refused_store NAME [PATTERN]...: the last run ended as the host found a store to read-only
# memory; or the guest did, where the host's pages are too large to protect all of that, or the
# hypervisor protects nothing.
judge_refused_store() {
	name=$1
	shift
	if [ "${BACKEND:-kvm}-${ARCH-}" = vmm-aarch64 ]; then
		judge "$name" 255 ABORT "$@"
	elif [ "$status" = 255 ] && ! has_small_pages; then
		judge "$name" 255 ABORT "$@"
	else
		judge "$name" 1 'host/guest translation fault' "$@"
	fi
}

# --- runs in the background -------------------------------------------------------------------------------------------

started=
start_output=$T/out start_error=$T/err
start_with=			# words put before the monitor

# hears: the process that was started has come to be a monitor that SIGTERM ends with a line, or has ended.
hears() {
	ended && return
	mask=$(sed -n 's/^SigCgt:[[:space:]]*//p' "/proc/$started/status" 2>/dev/null)
	case $mask in
	*[4567cdef]???) return 0 ;;
	esac
	return 1
}

# Like run, but does not wait for its end; $T/pid will hold the monitor's process id, $T/status its exit status.
start() {
	rm -f "$T/pid" "$T/status"
	: >"$T/out"
	{
		# shellcheck disable=SC2016,SC2086 # the inner shell expands them; words
		sh -c 'echo $$ >"$0"; exec "$@"' "$T/pid" $start_with "$HUSK" "$@" \
			>"$start_output" 2>"$start_error" </dev/null
		echo $? >"$T/status.new"
		mv "$T/status.new" "$T/status"
	} &
	until [ -s "$T/pid" ]; do sleep 0.01; done
	read -r started <"$T/pid"
	within 20 hears || echo "# the monitor has not got to its handlers of signals in 20 s"
}

# within SECONDS COMMAND...: whether the command comes to succeed in that time.
within() {
	left=$(($1 * 50))
	shift
	until "$@"; do
		left=$((left - 1))
		[ "$left" -gt 0 ] || return 1
		sleep 0.02
	done
}

ended() {
	[ -e "$T/status" ]
}

# Processor time of the run in the background, in ticks.
ticks() {
	sed 's/.*) //' "/proc/$started/stat" | awk '{ print $12 + $13 }'
}

# Silent if it takes next to none for two seconds.
busy() {
	before=$(ticks)
	sleep 2
	used=$(($(ticks) - before))
	[ "$used" -le 1 ] || echo "$used ticks in 2 s"
}

# Waits for the run in the background; one that takes longer than SECONDS is killed, and has status "killed".
await() {
	if within "$1" ended; then
		read -r status <"$T/status"
	else
		started_kill
		status=killed
	fi
	started=
}

started_kill() {
	[ -z "$started" ] || kill -KILL "$started" 2>/dev/null
	started=
}

# --- whether guests run confined --------------------------------------------------------------------------------------

tested=$HUSK			# suites put other programs into $HUSK at times
needs_hypervisor=
UNCONFINED=${UNCONFINED-}	# yes: the caller wants --sandbox=off

# Whether this build must have a sandbox, by what it was configured with and not by what it says of
# itself: one that lost it by accident has none.
has_sandbox() {
	! grep -q -e '^SANDBOX := no$' -e '^SANITIZE := .' "$BUILD/config.mk" 2>/dev/null
}

# Linux's.
expects_sandbox() {
	[ "${BACKEND:-kvm}" = kvm ] && has_sandbox
}

# FreeBSD's, which before 15 cannot be closed.
expects_capsicum() {
	case ${BACKEND:-kvm}-${HUSK_VMM_DOUBLE:-15} in
	vmm-13* | vmm-14* | kvm-*) return 1 ;;
	esac
	has_sandbox
}

# One more guest, started as all others of the suite were, says by its figures what was in force.
tell_confinement() {
	[ -n "$needs_hypervisor" ] || return 0
	HUSK=$tested
	run --mem=2 --stats "$BUILD/obj/tests/guests/hello.hvt" Hello_Solo5
	if [ "$UNCONFINED" = yes ]; then
		report "its guests ran with --sandbox=off" "$(grep '^sandbox' "$T/err"; printed '^exits ' || show "$T/err")"
	elif expects_sandbox; then
		judge "its guests ran confined" 0 '^sandbox seccomp 1$'
	elif expects_capsicum; then
		judge "its guests ran confined" 0 '^sandbox capability_mode 1$' '^sandbox rights 1$'
	else
		skip "its guests ran confined" "this husk has no sandbox"
	fi
}

# --- what there is to run on ------------------------------------------------------------------------------------------

command -v "$HUSK" >/dev/null || skip_all "there is no monitor to test: $HUSK"

need_guests() {
	[ -e "$(image hello)" ] || skip_all "the guests are not built: $(image hello)"
}

need_hypervisor() {
	needs_hypervisor=yes
	[ "${BACKEND:-kvm}" = kvm ] || return 0
	[ -e /dev/kvm ] || skip_all "no /dev/kvm"
	if [ ! -r /dev/kvm ] || [ ! -w /dev/kvm ]; then
		skip_all "/dev/kvm is not ours to use"
	fi
}

# A KVM that emulates its guests' instructions lacks some of them, and says so when it meets one.
lacks_instructions() {
	if [ -z "${emulated-}" ]; then
		timeout -s KILL "$LIMIT" "$HUSK" -- "$(image fpu)" >"$T/probe" 2>&1 </dev/null
		emulated=no
		! grep -q -e 'internal error exit' -e 'exitcode=0x3f9' "$T/probe" || emulated=yes
	fi
	[ "$emulated" = yes ]
}
