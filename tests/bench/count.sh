#!/bin/sh
# SPDX-License-Identifier: ISC
# count.sh: runs a command under strace and says how many system calls it made, on its last lines.
#
#   first_run N  from execve to the first KVM_RUN, both included; absent if there was none
#   runs N       KVM_RUN: as many exits of the guest
#   others N     all but KVM_RUN
#   call NAME N  each kind, KVM_RUN among the ioctls
#
# The command's own output goes to /dev/null. Exits with 77 where there is no strace, or it may
# not trace.
set -u

command -v strace >/dev/null || exit 77
trace=$(mktemp) || exit 2
trap 'rm -f "$trace"' EXIT
trap 'exit 1' HUP INT TERM

# The leak detector wants to trace by itself.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0"

strace -o "$trace" true 2>/dev/null || exit 77
strace -f -qq -o "$trace" "$@" >/dev/null </dev/null
status=$?

# One call a line, "PID name(...) = ...". A call that another thread interrupts fills two lines.
awk '
!/^[0-9]+ +[a-z_0-9]+\(/ { next }
{
	sub(/^[0-9]+ +/, "")
	total++
	name = $0; sub(/\(.*/, "", name)
	calls[name]++
}
/^ioctl\([0-9]+, (KVM_RUN|_IOC\(_IOC_NONE, 0xae, 0x80,)/ {
	if (runs++ == 0)
		print "first_run", total
}
END {
	print "runs", runs + 0
	print "others", total - runs
	for (name in calls)
		print "call", name, calls[name]
}' "$trace"
exit "$status"
