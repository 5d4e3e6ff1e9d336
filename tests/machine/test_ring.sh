#!/bin/sh
# SPDX-License-Identifier: ISC
# test_ring.sh: guests that break the rules of the network ring, and what it promises to others.
#
# Their network is a pipe: what was sent can be received. That needs neither root nor an interface.
set -u

# shellcheck source=tests/machine/lib.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib.sh"
# shellcheck source=tests/machine/lib_net.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib_net.sh"
need_guests
need_hypervisor
[ -x "$TOOLS/packets" ] || skip_all "the host's side is not built: $TOOLS/packets"

# A fresh pipe that keeps frames apart, as descriptor 8 of whoever comes next.
wire() {
	rm -f "$T/wire"
	mkfifo "$T/wire"
	exec 8<>"$T/wire"
	"$TOOLS/packets" 8
}

# on_ring COMMAND...: with figures.
on_ring() {
	wire
	# shellcheck disable=SC2086 # no option is no word
	run --mem=8 --stats ${option-} --net:service0=@8 -- "$(image hostile_ring)" \
		--solo5:quiet "$@"
}

# Reads lines "STATUS COMMANDS | PATTERN"; the pattern is of the message, or of a figure.
cases() {
	while read -r wanted rest; do
		case $wanted in
		'' | '#'*) continue ;;
		esac
		# shellcheck disable=SC2086 # commands are words
		on_ring ${rest%%|*}
		judge "${rest%% |*}" "$wanted" "${rest#*| }"
	done
}

# --- entries --------------------------------------------------------------------------------------

entries() {
	cases <<'END'
# Counters that run away, noticed by the vcpu's thread and by the other.
1 tail 1025 kick 1 | ring: 1025 entries outstanding, it holds 1024.*=0x
1 tail 2147483648 kick 1 | ring: 2147483648 entries outstanding
1 tail -1 kick 1 | ring: 4294967295 entries outstanding
1 tail 1025 sleep 1 | ring: 1025 entries outstanding
1 hand-over tail 5000 poke served | ring: [0-9]* entries outstanding
1 head 1 read buffer 64 submit | completions that it was not given
1 head 2147483648 read buffer 64 submit | completions that it was not given
1 hand-over head 1 read buffer 64 submit served | completions that it was not given
0 tail 1024 kick 1 served completions 0 | entries 1024
0 head -1 read buffer 64 submit served completions 1 result 1 0 | entries 1
0 head -1024 read buffer 64 submit stuck completions 0 | entries 0

# What belongs to the monitor is only a copy for the guest.
0 garble write buffer 64 submit kick 1 served | frames_sent 1
0 hand-over garble write buffer 64 submit kick 1 served | frames_sent 1
0 garble read buffer 64 submit kick 1 served completions 1 result 1 0 | entries 1

# Operations and devices that do not exist.
0 entry 0 1 submit served completions 0 | entries 1
0 entry 3 1 submit served completions 0 | entries 1
0 entry 4294967295 1 submit served completions 0 | entries 1
0 entry 1 0 entry 1 2 entry 1 63 entry 1 64 submit served completions 0 | frames_sent 0
0 entry 1 4294967295 submit served completions 0 | frames_sent 0
0 entry 2 0 submit served completions 1 result 2 0 | entries 1
0 entry 2 2 submit served completions 1 result 2 0 | entries 1
0 entry 2 64 submit served completions 1 result 2 0 | entries 1
0 entry 2 4294967295 submit served completions 1 result 2 0 | entries 1

# Frames.
0 write buffer 0 write buffer 13 submit served | tx_short 2
0 write buffer 14 write buffer 1514 submit served | frames_sent 2
0 write buffer 1515 write buffer 65536 submit served | tx_long 2
0 read buffer 1514 submit served completions 1 result 1 0 | frames_received 0
0 write buffer 100 read buffer 1514 submit served completions 1 result 0 100 | frames_received 1
0 write buffer 100 read buffer 99 submit served completions 1 result 1 0 | rx_long 1
0 write buffer 100 read buffer 0 submit served completions 1 result 1 0 | rx_long [1-9]
END
}

# --- addresses ------------------------------------------------------------------------------------

addresses() {
	cases <<'END'
# To send from.
0 write null 64 write tables 64 write boot 64 write low 64 submit served | frames_sent 4
0 write text 64 write rodata 64 submit served | frames_sent 2
0 write ring 64 write ring-end 8 write last 64 write odd 64 submit served | frames_sent 3
1 write past 64 submit | device service0: Invalid guest access: gpa=0x7fffc1, sz=64: outside
1 write end 64 submit | Invalid guest access: gpa=0x800000, sz=64: outside
1 write above 64 submit | Invalid guest access: gpa=0x100000000, sz=64: outside
1 write wrap 64 submit | Invalid guest access: gpa=0xffffffffffffffe0, sz=64: outside
1 write buffer 4294967295 submit | Invalid guest access: gpa=0x[0-9a-f]*, sz=4294967295: outside
1 hand-over write above 64 submit served | Invalid guest access: gpa=0x100000000, sz=64: outside

# To receive at: refused whether there is a frame or not.
0 read odd 64 read last 64 submit served completions 2 result 1 0 | entries 2
1 read null 64 submit | device service0: Invalid guest access: gpa=0x0, sz=64: inside read-only low
1 read tables 64 submit | gpa=0x2000, sz=64: inside read-only low memory
1 read boot 64 submit | gpa=0x10000, sz=64: inside read-only low memory
1 read low 64 submit | gpa=0xff000, sz=64: inside read-only low memory
1 read text 64 submit | gpa=0x100000, sz=64: inside read-only image segment
1 read rodata 64 submit | sz=64: inside read-only image segment
1 read ring 64 submit | sz=64: inside read-only network ring
1 read ring-end 64 submit | sz=64: inside read-only
1 read before-ring 64 submit | sz=64: inside read-only
1 read past 64 submit | gpa=0x7fffc1, sz=64: outside
1 read end 64 submit | gpa=0x800000, sz=64: outside
1 read above 64 submit | gpa=0x100000000, sz=64: outside
1 read wrap 64 submit | gpa=0xffffffffffffffe0, sz=64: outside
1 read buffer 4294967295 submit | sz=4294967295: outside
1 hand-over read ring 64 submit served | sz=64: inside read-only network ring
END
}

# --- who is told what, and when -------------------------------------------------------------------

turns() {
	cases <<'END'
0 kick 1 | kicks 1
1 odd-kick 0 | Invalid guest .* access
1 odd-kick 1 | Invalid guest .* access
1 odd-kick 2 | Invalid guest .* access
0 write buffer 64 all tail 1024 kick 1 served tail 1024 kick 1 served | entries 2048
0 hand-over given-back | handovers
0 write buffer 64 tail 1 sleep 1 served | frames_sent 1
0 order | hypercalls net_write 1
0 hand-over order | hypercalls net_write 1
0 fill completions 1024 head 1024 read buffer 64 submit completions 1025 | entries 1025
0 fill tail 1 kick 1 stuck completions 1024 head 1 kick 1 served completions 1025 | entries 1025
0 fill tail 1024 kick 1 sleep 1 stuck completions 1024 | entries 1024
END
	left_behind write buffer 64 tail 1
	left_behind hand-over write buffer 64 tail 1
	on_ring kick "$KICKS"
	judge "$KICKS kicks for nothing" 0 "kicks $KICKS"
	on_ring race 300
	judge "entries rewritten while they are read: every mixture is legal" 0
	on_ring hand-over race 300
	judge "the same, with the I/O thread" 0
	on_ring hand-over bad-race 300
	if [ "$status" -eq 0 ]; then
		ok "entries rewritten with bad addresses"
	else
		judge "entries rewritten with bad addresses" 1 'gpa=0x100000000, sz=.*: outside'
	fi
}

# left_behind COMMAND...: a frame that nobody was told of when the guest ended.
left_behind() {
	wire
	run --mem=8 --net:service0=@8 -- "$(image hostile_ring)" --solo5:quiet "$@"
	got=$(timeout -s KILL 5 head -c 64 <&8 | wc -c)
	report "what is in the ring at the end is sent: $*" \
		"$([ "$got" -eq 64 ] || echo "$got bytes of 64 were sent")"
}

# A kick takes microseconds where the processor is real, and some hundred through vmm's stand-in.
KICKS=100000
[ "${BACKEND:-kvm}" != vmm ] || KICKS=10000

# --- queues in its place --------------------------------------------------------------------------

# Lines "STATUS COMMAND | PATTERN", as above.
on_queues() {
	while read -r wanted rest; do
		case $wanted in
		'' | '#'*) continue ;;
		esac
		wire
		# shellcheck disable=SC2086 # commands are words
		run --mem=8 --stats --net:service0=@8 -- "$(image hostile_frames)" --solo5:quiet ${rest%%|*}
		judge "queues: ${rest%% |*}" "$wanted" "${rest#*| }"
	done
}

queues() {
	on_queues <<'END'
0 none | queue_received 1
# Where they lie.
0 size 0 | queue_sent 1
1 size 3 | network device service0, RX queue: size 3 is not a power of two
1 misaligned | RX queue: descriptor table at 0x[0-9a-f]* is not aligned to 16 bytes
1 in-text | RX queue: available ring: Invalid guest access: .*image segment
1 on-each-other | TX queue: it shares memory with network device service0, RX queue
0 index 2 | queue_received 0
0 handle 2 | queue_received 0
# Doorbells.
1 bell 18 | no queue has the number of this doorbell
# Chains.
1 outside | TX queue: descriptor 1: Invalid guest access
1 loop | TX queue: descriptor 0 comes twice in one chain
1 head | TX queue: descriptor 8 does not exist
1 indirect | TX queue: descriptor 0 is indirect
1 jump | TX queue: 9 chains submitted
1 into-text | RX queue: descriptor 0: Invalid guest access: .*image segment
1 rx-loop | RX queue: descriptor 0 comes twice in one chain
# Frames and buffers that are none.
0 flags 1 | queue_refused 1
0 gso 3 | queue_refused 1
0 header-only | tx_short 1
0 half-a-header | queue_refused 1
0 too-long | tx_long 1
0 writable | queue_refused 1
0 no-buffers | queue_received 0
0 small-buffers | queue_refused 2
END
	[ -z "${HUSK_LONG-}" ] || more_queues
	wire
	run --mem=8 --no-net-queues --net:service0=@8 -- "$(image hostile_frames)" --solo5:quiet none
	judge "--no-net-queues: there is no such hypercall" 1 'hypercall'
}

# More of the same kinds.
more_queues() {
	on_queues <<'END'
1 size 512 | RX queue: size 512 is not a power of two
1 wraps | RX queue: used ring: Invalid guest access
0 index 4294967295 | queue_received 0
0 handle 18446744073709551615 | queue_received 0
1 bell 0 | no queue has the number of this doorbell
1 bell 4294967295 | no queue has the number of this doorbell
1 long | TX queue: descriptor 1 makes a chain of more than 4 GiB
1 next | TX queue: descriptor 8 does not exist
1 into-boot-info | RX queue: descriptor 0: Invalid guest access: .*read-only low memory
0 flags 255 | queue_refused 1
0 gso 1 | queue_refused 1
0 gso 255 | queue_refused 1
0 short | tx_short 1
0 readable-buffers | queue_refused 2
END
}

# --- without a ring -------------------------------------------------------------------------------

without() {
	option=--no-net-ring
	on_ring kick 1
	judge "--no-net-ring: the guest is offered none" 30
	option=
	wire
	run --mem=8 --no-net-ring --net:service0=@8 -- "$(image hostile_net)" \
		--solo5:quiet "$(kick_number)"
	judge "then a kick is what nobody serves" 1 'nobody\|no device\|Invalid guest'
	run --mem=8 -- "$(image hostile_core)" --solo5:quiet "$(kick_number)"
	judge "also without a network device" 1 'nobody\|no device\|Invalid guest'
}

# As the number of a hypercall.
kick_number() {
	case ${ARCH:-$(uname -m)} in
	aarch64 | arm64) echo 32 ;;
	*) echo 256 ;;
	esac
}

# --- a guest that sleeps costs nothing ------------------------------------------------------------

# idle_after COMMAND...
idle_after() {
	wire
	launch --mem=8 --net:service0=@8 -- "$(image hostile_ring)" \
		--solo5:quiet "$@" say sleep 60000
	within 20 grep -q SAID "$T/out" || echo "# the guest does not come to its end"
	sleep 0.3
	report "no processor time while the guest sleeps after: $*" "$(busy)"
	kill -TERM "$started"
	await 20
	judge "it can be ended" 1 'signal 15'
}

idle() {
	idle_after kick 1000
	idle_after hand-over
	idle_after hand-over entry 7 1 tail 1
	idle_after fill tail 1 kick 1 stuck
	idle_after garble
	idle_after head -1024 read buffer 64 submit
}

# The pipe's ends as two descriptors, each of which has one direction.
two_descriptors() {
	wire
	exec 7<"$T/wire" 9>"$T/wire"
	"$TOOLS/packets" 9
	run --mem=8 --stats --net:service0=@7,@9 -- "$(image hostile_ring)" --solo5:quiet \
		write buffer 100 read buffer 1514 submit served completions 1 result 0 100
	judge "a descriptor for each direction" 0 'net:service0 frames_received 1$'
	run --mem=8 --net:service0=@9,@7 -- "$(image hostile_ring)" --solo5:quiet
	judge "which are confused" 1 '@9: it is open for writing only: of @IN,@OUT'
	exec 7<&- 9>&-
}

entries
addresses
two_descriptors
turns
queues
without
idle
finish
