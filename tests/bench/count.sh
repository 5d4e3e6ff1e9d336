#!/bin/sh
# SPDX-License-Identifier: ISC
# count.sh: runs a command under strace and says how many system calls it made, on its last lines.
#
#   first_run N  from execve to the first run of the guest, both included; absent if there was none
#   first_ioctls N  the ioctls among these
#   runs N       KVM_RUN, or VM_RUN of vmm: as many exits of the guest
#   others N     all but these
#   call NAME N  each kind, runs among the ioctls
#
# What vmm's stand-in does within a call is none of FreeBSD's system calls: the call is one. To look for
# machines that were left behind, which is to read a directory, counts as the one call "names".
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
export HUSK_VMM_MARKS=yes
strace -f -qq -o "$trace" "$@" >/dev/null </dev/null
status=$?

# One call a line, "PID name(...) = ...". A call that another thread interrupts fills two lines.
awk '
function count(name, run) {
	total++
	calls[name]++
	if (run && runs++ == 0) {
		print "first_run", total
		print "first_ioctls", calls["ioctl"]
	}
}
!/^[0-9]+ +[a-z_0-9]+\(/ { next }
{ pid = $1; sub(/^[0-9]+ +/, ""); name = $0; sub(/\(.*/, "", name) }
/^(access|faccessat2?)\(.*"vmm:(end|failed)"/ {
	if (--inside[pid] == 0)
		count(call[pid] == "run" ? "ioctl" : call[pid], call[pid] == "run" && $0 ~ /vmm:end/)
	next
}
/^(access|faccessat2?)\(.*"vmm:/ {
	sub(/.*"vmm:/, ""); sub(/".*/, "")
	if (inside[pid]++ == 0)
		call[pid] = $0
	next
}
inside[pid] > 0 { next }
{ count(name, $0 ~ /^ioctl\([0-9]+, (KVM_RUN|_IOC\(_IOC_NONE, 0xae, 0x80,)/) }
END {
	print "runs", runs + 0
	print "others", total - runs
	for (name in calls)
		print "call", name, calls[name]
}' "$trace"
exit "$status"
