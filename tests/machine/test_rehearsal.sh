#!/bin/sh
# SPDX-License-Identifier: ISC
# test_rehearsal.sh: a guest that owns its monitor attacks the host, twelve ways, and gets nowhere.
#
# husk-owned is husk with a hypercall that makes any system call for the guest. Numbers in brackets are
# those of the list of tests in tests/machine/test_sandbox.sh.
set -u

# shellcheck source=tests/machine/lib.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib.sh"
need_guests
need_hypervisor
expects_sandbox || skip_all "this husk has no sandbox"
OWNED=$BUILD/obj/tests/machine/husk-owned
FILTERED=$BUILD/obj/tests/machine/filtered
[ -x "$OWNED" ] || skip_all "the host's side is not built: $OWNED"
[ "${ARCH-$(uname -m)}" = aarch64 ] || ARCH=x86_64

# number CALL: Linux's number of it; x86_64's, and the one that all newer architectures share.
number() {
	while read -r call old new; do
		[ "$call" != "$1" ] || { [ "$ARCH" = x86_64 ] && echo "$old" || echo "$new"; }
	done <<-EOM
		connect 42 203
		execve 59 221
		ioctl 16 29
		kill 62 129
		memfd_create 319 279
		mkdirat 258 34
		mprotect 10 226
		openat 257 56
		ptrace 101 117
		socket 41 198
		tgkill 234 131
		unlinkat 263 35
		write 1 64
	EOM
}

# attack OPTION... -- CALL ARGUMENT...: the guest's monitor makes the call; $how is put before it.
attack() {
	options=
	while [ "$1" != -- ]; do options="$options $1" && shift; done
	shift
	thread=
	[ "$1" != thread ] || { thread=thread && shift; }
	nr=$(number "$1")
	shift
	# shellcheck disable=SC2086 # words
	timeout -s KILL "$LIMIT" ${how-} "$OWNED" --mem=2 $options -- "$(image owner)" --solo5:quiet \
		$thread "$nr" "$@" >"$T/out" 2>"$T/err" </dev/null 9>>"$T/inherited"
	status=$?
}

# What was written to standard error, but for what the shell says of a command's end.
said() {
	grep -v '^Bad system call' "$T/err"
}

# refused NAME CALL ARGUMENT...: ended by a line that names the call, in either thread.
refused() {
	name=$1
	shift
	for where in '' thread; do
		# shellcheck disable=SC2086 # a word or none
		attack -- $where "$@"
		judge "$name${where:+, from another thread}" 1 \
			"^husk: sandbox: system call $(number "$1") ($1) was refused"
		report "and nothing else is said" "$([ "$(wc -l <"$T/err")" -eq 1 ] || echo "there are other lines")"
	done
}

# killed NAME CALL ARGUMENT...: ended by the kernel, SIGSYS, without a word.
killed() {
	name=$1
	shift
	for where in '' thread; do
		# shellcheck disable=SC2086 # a word or none
		attack -- $where "$@"
		judge "$name${where:+, from another thread}" 159
		report "and nothing is said" "$(said)"
	done
}

# A process that the guest is not to reach, a file that it is not to change.
victim=
# shellcheck disable=SC2317 # called by lib.sh
cleanup() {
	[ -z "$victim" ] || kill -KILL "$victim" 2>/dev/null
}
prepare() {
	sleep 600 &
	victim=$!
	echo secret >"$T/secret"
	: >"$T/inherited"
	ownerless=$(printf 'tap9^00^00^00^00^00^00^00^00^00^00^00^00^02^10')	# struct ifreq: IFF_TAP, IFF_NO_PI
}

# [10] [12] [13]
rehearsal() {
	refused "1 a file is opened" openat -100 ":$T/secret" 0
	refused "2 /dev/kvm is opened" openat -100 :/dev/kvm 2
	refused "3 a socket is made" socket 2 1 0
	refused "4 a connection is made" connect 3 :^02^00^00^16^7f^00^00^01 16
	killed "5 another process is traced" ptrace 16 "$victim" 0 0
	refused "6 another process is killed" kill "$victim" 9
	refused "7 memory is made executable" mprotect :^c3 4096 7
	refused "8 another machine is made" ioctl 4 44545 0
	refused "9 another tap is attached" ioctl 3 1074025674 ":$ownerless"
	attack -- write 9 :owned 5
	judge "10 an inherited descriptor is written to: it is closed" 0 '^returned -9$'
	report "and nothing arrives" "$(cat "$T/inherited")"
	killed "11 a program is made in memory" memfd_create :program 0
	killed "11 and run" execve :/bin/true 0 0
	refused "12 a file is removed" unlinkat -100 ":$T/secret" 0
	report "the file is as it was" "$([ "$(cat "$T/secret")" = secret ] || echo "it is not")"
	report "the other process lives" "$(kill -0 "$victim" 2>&1)"
}

# The same calls by the same guest, to show that they are worth refusing.
unconfined() {
	for each in "openat -100 :$T/secret 0" "socket 1 1 0" "kill $victim 0" "memfd_create :program 0" \
		"write 9 :owned 5" "unlinkat -100 :$T/secret 0"; do
		# shellcheck disable=SC2086 # words
		attack --sandbox=off -- $each
		judge "with --sandbox=off: ${each%% *}" 0 '^returned [0-9]'
	done
	report "the file is gone" "$([ ! -e "$T/secret" ] || echo "it is there")"
	report "what was written has arrived" "$([ "$(cat "$T/inherited")" = owned ] || echo "it has not")"
	echo secret >"$T/secret"
}

# [13]
ends() {
	attack --sandbox=kill -- openat -100 ":$T/secret" 0
	judge "--sandbox=kill: SIGSYS" 159
	report "without a word" "$(said)"
	timeout -s KILL "$LIMIT" "$OWNED" --mem=2 -- "$(image owner)" --solo5:quiet "$(number openat)" -100 ":$T/secret" 0 \
		>"$T/out" 2>&- </dev/null
	status=$?
	judge "with standard error closed: status 1" 1
	attack -- tgkill 1 1 23
	judge "signals to others" 1 '(tgkill) was refused'
	attack -- ioctl 0 21522 :x
	judge "a character is put into the terminal's input" 1 '(ioctl) was refused'
}

# [15]: without seccomp, landlock alone.
landlock_alone() {
	"$HUSK" --check >"$T/out" 2>&1
	if ! printed '^ok   sandbox: landlock'; then
		skip "landlock alone" "this kernel has none"
		return
	fi
	abi=$(sed -n 's/^ok   sandbox: landlock ABI //p' "$T/out")
	how="$FILTERED enosys seccomp --"
	for where in '' thread; do
		# shellcheck disable=SC2086 # a word or none
		attack -- $where openat -100 ":$T/secret" 0
		judge "landlock: a file is opened${where:+, from another thread}" 0 '^returned -13$'
		# shellcheck disable=SC2086
		attack -- $where mkdirat -100 ":$T/directory" 448
		judge "landlock: a directory is made" 0 '^returned -13$'
		if [ "$abi" -ge 6 ]; then
			# shellcheck disable=SC2086
			attack -- $where kill "$victim" 0
			judge "landlock: a signal to another process" 0 '^returned -1$'
		fi
	done
	how=
}

prepare
rehearsal
unconfined
ends
landlock_alone
finish
