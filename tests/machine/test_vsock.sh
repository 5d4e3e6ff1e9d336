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
1 announce desc 0 0 text 64 2 0 avail 0 0 send 1 5 0 poll 9000 | queue 0: descriptor 0: .*inside read-only
1 announce desc 0 0 rodata 64 2 0 avail 0 0 send 1 5 0 poll 9000 | queue 0: descriptor 0: .*inside read-only
1 announce desc 0 0 boot 64 2 0 avail 0 0 send 1 5 0 poll 9000 | queue 0: descriptor 0: .*inside read-only
0 announce desc 1 0 text 64 0 0 avail 1 0 bell 17 returned 1 | wrong_cid 1
0 announce desc 1 0 null 0 0 0 avail 1 0 bell 17 returned 1 | malformed 1
0 announce desc 1 0 buffer 43 0 0 avail 1 0 bell 17 returned 1 send 3 5 0 returned 2 | malformed 1
0 announce desc 1 0 buffer 64 2 0 avail 1 0 bell 17 returned 1 | malformed 1
0 announce desc 0 0 buffer 64 0 0 avail 0 0 send 1 5 0 post 1 | malformed 1
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

queues
packets
finish
