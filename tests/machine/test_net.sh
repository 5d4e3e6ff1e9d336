#!/bin/sh
# SPDX-License-Identifier: ISC
# test_net.sh: network devices: traffic, ways to attach an interface, what may happen to it.
set -u

# shellcheck source=tests/machine/lib.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib.sh"
# shellcheck source=tests/machine/lib_net.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib_net.sh"
need_guests
need_hypervisor
need_network

tap tap100 10.0.0.1
tap tap101 10.1.0.1

# serve WAY MEMORY INTERFACE GUEST ARGUMENT...: one device, figures; WAY is queues, ring or hypercalls. Those
# of our own guests that only have it by its name want queues.
serve() {
	case $1 in
	queues) option=--stats ;;
	ring) option=--no-net-queues ;;
	*) option='--no-net-queues --no-net-ring' ;;
	esac
	memory=$2 attached=$3 guest=$4
	shift 4
	# shellcheck disable=SC2086 # words
	launch "--mem=$memory" --stats $option "--net:service0=$attached" -- \
		"$(image "$guest")" "$@"
}

# pinged NAME COUNT FLOOD-ARGUMENT... : the guest that was launched answers, and ends after COUNT.
pinged() {
	name=$1 answers=$2
	shift 2
	peer flood 10.0.0.2 "$answers" "$@"
	await 20
	peer_ok "$name: every answer is right"
}

# --- ping and echo --------------------------------------------------------------------------------

# echo_by WAY: the UDP example, with datagrams of all lengths. Of 2 MiB too little is left for queues on aarch64.
echo_by() {
	serve "$1" 4 tap100 example-udp-echo
	peer udp 10.0.0.2 7 0 1 2 7 100 1471 1472
	end_guest
}

# As many as take seconds where the host's kernel emulates the guest's processor.
rows() {
	serve queues 4096 tap100 net limit 2000
	pinged "a flood of pings" 2000
	succeeds "the guest has answered them"
	# Without a limit of its own: pings that were late, and sent again, would count twice.
	launch --mem=4096 --net:service0=tap100 --net:service1=tap101 -- \
		"$(image net_two)" limit 1000000
	"$TOOLS/flood" 10.1.0.2 1000 >"$T/second" 2>&1 &
	second=$!
	peer flood 10.0.0.2 1000
	peer_ok "two devices, a flood for each: the first"
	wait $second
	peer_status=$?
	mv "$T/second" "$T/peer"
	peer_ok "the second"
	end_guest
	judge "the guest goes on answering both" 1 'signal 15'
	for way in queues ring hypercalls; do
		serve $way 4096 tap100 net check drain limit 1000
		pinged "payloads keep their pattern, by $way" 1000 200
		succeeds "the guest found it so, by $way"
	done
	serve ring 2 tap100 example-ping limit 300
	pinged "the ping example" 300 1472
	judge "it says what it has" 0 '^MAC is [0-9a-f][26ae]:..:..:..:..:..$' '^MTU is 1500$'
	for way in ring hypercalls queues; do
		echo_by $way
		peer_ok "the UDP example, by $way"
	done
	# It did not ask for them: what decides is whether the guest's instructions are dearer than exits.
	if lacks_instructions; then
		figure_is "frames are hypercalls where the guest is emulated" net:service0 queue_received -eq 0
	else
		# On a busy machine every try of theirs may be interrupted: one start of a few has to find it out.
		for again in 2 3 4 5 6; do
			[ "$(figure hypercalls net_read)" -eq 0 ] || echo_by queues
		done
		figure_is "who does not ask has queues, where they pay" hypercalls net_read -eq 0
		figure_is "all that comes does so by them" net:service0 queue_received -ge 7
	fi
}

# For guests that would go on for ever.
end_guest() {
	[ -z "$started" ] || kill -TERM "$started"
	await 20
}

# Frames longer than the ring's buffers are for 1500 bytes: none may overtake another.
jumbo() {
	tap tap102 10.2.0.1
	ip link set tap102 mtu 9000
	for way in queues ring hypercalls; do
		serve $way 8 tap102 net_load echo 400 64
		peer frames tap102 echo 400 64
		await 20
		peer_ok "jumbo frames among short ones keep their order, by $way"
		succeeds "also on the way to the guest, by $way"
	done
	serve queues 4096 tap102 net limit 0
	await 20
	judge "MTU 9000" 0 '^MTU is 9000$' SUCCESS
	# One buffer of that size would leave too little of 2 MiB.
	ip link set tap102 mtu 65521
	for memory in 2 32; do
		serve ring $memory tap102 net_load echo 40 8
		peer frames tap102 echo 40 8
		await 20
		peer_ok "the longest frames of all, with $memory MiB"
		succeeds "the guest agrees, with $memory MiB"
		[ $memory -ne 2 ] || figure_is "no room for buffers: no ring" ring entries -eq 0
		serve queues $memory tap102 net_load echo 40 8
		peer frames tap102 echo 40 8
		await 20
		peer_ok "the same by queues, with $memory MiB"
		succeeds "the guest agrees by queues, with $memory MiB"
		[ $memory -ne 2 ] || figure_is "nor queues" net:service0 queue_received -eq 0
	done
	figure_is "each took many buffers" net:service0 queue_received -eq 40
	ip link del tap102
}

ring_or_not() {
	serve ring 2 tap100 net_load echo 200 32
	peer frames tap100 echo 200 32
	await 20
	succeeds "2 MiB of memory and a ring"
	sent=$(($(figure hypercalls net_write) + $(figure ring entries)))
	report "every frame sent goes through the ring or is a hypercall" \
		"$([ "$sent" -ge 200 ] || echo "$sent of 200")"
	serve hypercalls 2 tap100 net_load echo 200 32
	peer frames tap100 echo 200 32
	await 20
	succeeds "2 MiB of memory and no ring"
	figure_is "every frame sent is a hypercall" hypercalls net_write -eq 200
	figure_is "and there is no ring" ring entries -eq 0
}

# Bursts of 32 from the host are there before the guest is told: what is an exit is only the waiting.
by_queues() {
	serve queues 4 tap100 net_load echo 320 32
	peer frames tap100 echo 320 32
	await 20
	succeeds "4 MiB of memory and queues"
	figure_is "every frame came by the queue" net:service0 queue_received -eq 320
	figure_is "none by a hypercall" hypercalls net_read -eq 0
	figure_is "every frame was sent" net:service0 frames_sent -eq 320
	figure_is "there is no ring" ring entries -eq 0
	serve ring 4 tap100 net_load echo 320 32
	peer frames tap100 echo 320 32
	await 20
	succeeds "--no-net-queues: there are none"
	figure_is "and nothing comes by them" net:service0 queue_received -eq 0
}

# costs WAY: system calls and exits of 640 frames each way, on whatever processors $HUSK has.
costs() {
	serve "$1" 4 tap100 net_load echo 640 32
	peer frames tap100 echo 640 32
	await 20
	succeeds "one processor, by $1"
	calls=$(figure total system_calls)
	exits=$(awk '$1 == "exits" { n += $3 } END { print n + 0 }' "$T/err")
}

# Where two threads would take turns on one processor, one does the work, for no more than hypercalls cost.
one_processor() {
	first=$(sed -n 's/^Cpus_allowed_list:[^0-9]*\([0-9]*\).*/\1/p' /proc/self/status)
	if ! command -v taskset >/dev/null || [ "${first:-99}" -gt 60 ]; then
		skip "one processor" "there is no taskset, or no processor that it can name"
		return
	fi
	all=$HUSK HUSK=$T/one
	printf '#!/bin/sh\nexec taskset %x "%s" "$@"\n' $((1 << first)) "$all" >"$HUSK"
	chmod 755 "$HUSK"
	costs hypercalls
	most_calls=$((calls * 11 / 10)) most_exits=$((exits * 11 / 10))
	for way in ring queues; do
		costs $way
		report "at most 1.1 x the system calls of hypercalls, by $way" \
			"$([ "$calls" -gt 0 ] && [ "$calls" -le $most_calls ] || echo "$calls, not $most_calls")"
		report "at most 1.1 x their exits, by $way" \
			"$([ "$exits" -gt 0 ] && [ "$exits" -le $most_exits ] || echo "$exits, not $most_exits")"
		figure_is "nothing is handed over, by $way" \
			"$([ $way = ring ] && echo ring || echo net_queues)" handovers -eq 0
	done
	HUSK=$all
}

# --- ways to attach -------------------------------------------------------------------------------

# A ping or two, for each interface of another making.
answers_ping() {
	peer flood 10.3.0.2 20
	await 20
	peer_ok "$1"
}

kinds() {
	for kind in plain vnet pi queues 'queues vnet' user; do
		# shellcheck disable=SC2086 # words
		tap tap103 10.3.0.1 $kind
		serve ring 2 tap103 example-ping 10.3.0.2 limit 20
		answers_ping "by name, made as: $kind"
	done
	for kind in plain vnet pi queues 'queues vnet pi'; do
		# shellcheck disable=SC2086 # words
		tap tap103 10.3.0.1 $kind
		ip link set tap103 mtu 4000
		monitor=$HUSK HUSK=$TOOLS/tap
		# shellcheck disable=SC2086 # words
		launch open 9 tap103 $kind -- "$monitor" --mem=2 --net:service0=@9 -- \
			"$(image example-ping)" 10.3.0.2 limit 20
		HUSK=$monitor
		answers_ping "by descriptor, made as: $kind"
		judge "its MTU is the interface's" 0 '^MTU is 4000$'
	done
	ip link del tap103
}

# with_mac OPTION...: a guest that says what it has.
with_mac() {
	run --mem=2 --net:service0=tap100 "$@" -- "$(image net)" limit 0
}

# with_random_mac OPTION...
with_random_mac() {
	with_mac "$@"
	first=$(grep '^MAC' "$T/out")
	with_mac "$@"
	judge "a random address${1:+ with $1}: of a device, and local" 0 '^MAC is .[26ae]:'
	report "another for each run" "$(grep -x -e "$first" "$T/out")"
}

macs() {
	while read -r given got; do
		with_mac "--net-mac:service0=$given"
		judge "--net-mac:service0=$given" 0 "^MAC is $got$"
	done <<'END'
02:00:00:12:34:56 02:00:00:12:34:56
AE:BC:DE:F0:12:34 ae:bc:de:f0:12:34
2:0:0:1:2:3 02:00:00:01:02:03
END
	run --mem=2 --net-mac:service0=02:00:00:00:00:01 --net:service0=tap100 -- \
		"$(image net)" limit 0
	judge "said before the interface" 0 '^MAC is 02:00:00:00:00:01$'
	with_random_mac
	with_random_mac --net-mac:service0=00:00:00:00:00:00
	for mac in 02:00:00:12:34 02:00:00:12:34:56:78 02:00:00:12:34:5g 02-00-00-12-34-56 \
		020000123456 ' 02:00:00:12:34:56' '02:00:00:12:34:56 ' 02:00:00:12:34:567 \
		02::00:12:34:56 junk ''; do
		with_mac "--net-mac:service0=$mac"
		judge "--net-mac:service0=$mac is none" 1 '^husk'
	done
	with_mac --net-mac:service0=03:00:00:00:00:01
	judge "a group address is none" 1 'group address'
}

# remedied NAME COMMAND...: does what the last message says, after which the command works.
remedied() {
	name=$1
	shift
	if ! ip tuntap >/dev/null 2>&1; then
		skip "$name" "there is no ip tuntap here"
		return
	fi
	eval "$(sed -n 's/.*as root: //p' "$T/err")"
	run "$@"
	judge "$name" 0 'MTU is 1500'
}

# refused NAME VALUE PATTERN...
refused() {
	name=$1
	run --mem=2 "--net:service0=$2" -- "$(image net)" limit 0
	shift 2
	judge "$name" 1 'Could not attach interface' "$@"
}

unusable_descriptors() {
	exec 8<>"$T/file"
	refused "a regular file" @8 '@8: it is a regular file: give a tap or a connected socket'
	exec 8</
	refused "a directory" @8 '@8: it is a directory'
	exec 8<>/dev/null
	refused "/dev/null" @8 '@8: it is a device that is no tap'
	exec 8<>/dev/net/tun
	refused "/dev/net/tun" @8 '@8: it is /dev/net/tun without an interface'
	mkfifo "$T/pipe"
	exec 7<>"$T/pipe"
	exec 8<"$T/pipe" 9>"$T/pipe"
	refused "an end to read from" @8 '@8: it is open for reading only: open it for reading and'
	refused "an end to write to" @9 '@9: it is open for writing only'
	exec 8<>"$T/pipe"
	refused "a pipe of bytes" @8 '@8: it is a pipe, which does not keep frames apart' O_DIRECT
	exec 7>&- 8>&- 9>&-
	monitor=$HUSK HUSK=$TOOLS/tap
	run pair 8 stream -- "$monitor" --mem=2 --net:service0=@8 -- "$(image net)" limit 0
	judge "a stream" 1 '@8: it is a stream socket, which does not keep frames apart' 'stream:@8$'
	run pair 8 dgram -- "$monitor" --mem=2 --net:service0=stream:@8 -- "$(image net)" limit 0
	judge "no stream" 1 'it is a socket that keeps frames apart by itself: give it as @8$'
	HUSK=$monitor
}

errors() {
	refused "no such interface" nowhere99 'nowhere99: No such device' \
		'ip tuntap add nowhere99 mode tap user 0 && ip link set nowhere99 up$'
	remedied "the remedy makes it" --mem=2 --net:service0=nowhere99 -- "$(image net)" limit 0
	refused "a name that is too long" abcdefghijklmnop 'File name too long: a name has at most 15'
	refused "a socket's path" "$T/x.sock" "x.sock: No such device: .*; a socket is given as unix:PATH\$"
	refused "a name with a blank" 'tap 0' 'tap 0: No such device: no interface can have that name'
	run --mem=2 --net:service0= -- "$(image net)" limit 0
	judge "no name" 1 'net:NAME=IFACE'
	refused "something else than a tap" lo 'lo: Invalid argument' 'not a tap'
	"$TOOLS/tap" make down0
	refused "an interface that is down" down0 'Network is down' 'ip link set down0 up'
	ip link set down0 up
	tap tun0 - tun
	refused "a tun" tun0 'it is a tun interface, which carries no Ethernet frames'
	monitor=$HUSK HUSK=$TOOLS/tap
	run open 9 tun0 tun -- "$monitor" --mem=2 --net:service0=@9 -- "$(image net)" limit 0
	judge "a tun, by descriptor" 1 'a tun interface, not a tap'
	run open 9 down0 -- "$monitor" --mem=2 --net:service0=down0 -- "$(image net)" limit 0
	judge "an interface that another process uses" 1 'resource busy' 'another process'
	HUSK=$monitor
	refused "a descriptor that is not open" @99 '@99: Bad file descriptor: it is not open'
	for descriptor in @ @x @-1 @4294967296 @9x; do
		refused "--net:service0=$descriptor" "$descriptor"
	done
	unusable_descriptors
	run --mem=2 -- "$(image net)" limit 0
	judge "a device that is not attached" 1 "'service0'" 'NET_BASIC'
	run --mem=2 --net:service0=tap100 --net:service1=tap101 -- "$(image net)" limit 0
	judge "a device that the image does not have" 1 'service1'
	ip link del down0
	ip link del tun0
	ip link del nowhere99 2>/dev/null
}

# shared NAME VALUE VALUE: two devices with one interface.
shared() {
	run --mem=4 "--net:service0=$2" "--net:service1=$3" -- "$(image net_two)" limit 0
	judge "two devices and one interface: $1" 1 \
		"$2: devices service0 and service1 cannot share it"
	run --check "--net:service0=$2" "--net:service1=$3" -- "$(image net_two)"
	judge "--check says so too: $1" 1 "FAIL.* $2: devices service0 and service1 cannot share" \
		"FAIL.* $3: devices service1 and service0 cannot share"
}

sharing() {
	shared "by name" tap100 tap100
	for kind in plain queues; do
		monitor=$HUSK HUSK=$TOOLS/tap
		set -- open 9 many0 "$kind" -- "$monitor" --mem=4
		tap many0 - "$kind"
		for pair in '@9 many0' 'many0 @9' '@9 @9'; do
			run "$@" "--net:service0=${pair% *}" "--net:service1=${pair#* }" -- \
				"$(image net_two)" limit 0
			judge "two devices and one interface: $pair, $kind" 1 \
				"${pair% *}: devices service0 and service1 cannot share it"
		done
		HUSK=$monitor
		ip link del many0
	done
	tap many0 - queues
	launch --mem=4 --net:service0=many0 -- "$(image net)" limit 1
	first=$started
	run --mem=4 --net:service0=many0 -- "$(image net)" limit 0
	judge "two machines and one interface of several queues" 1 'many0: Device or resource busy'
	kill -TERM "$first"
	await 20
	run --mem=4 --net:service0=many0 -- "$(image net)" limit 0
	judge "one after the other may have it" 0 SUCCESS
	ip link del many0
}

# --- without privileges ---------------------------------------------------------------------------

bound=''
# shellcheck disable=SC2317 # called by lib.sh
cleanup() {
	[ -z "$bound" ] || umount -l "$T/public"
}

# Makes device files that everybody may use, visible to this suite alone.
open_devices() {
	chmod 711 "$T"
	mkdir "$T/public"
	"$TOOLS/plain" sh -c 'exec 3<>/dev/kvm 4<>/dev/net/tun' 2>/dev/null && return
	mount -t tmpfs -o mode=755 tmpfs "$T/public" || return 1
	bound=yes
	cp -a /dev/kvm "$T/public/kvm" && cp -a /dev/net/tun "$T/public/tun" || return 1
	chmod 666 "$T/public/kvm" "$T/public/tun"
	mount --bind "$T/public/kvm" /dev/kvm && mount --bind "$T/public/tun" /dev/net/tun
}

plain_user() {
	if [ "${BACKEND:-kvm}" = vmm ]; then
		skip "a plain user" "machines of vmm are made by root"
		return
	fi
	if ! open_devices 2>"$T/err"; then
		skip "a plain user" "cannot give one the devices: $(head -n 1 "$T/err")"
		return
	fi
	cp "$HUSK" "$T/public/husk"
	cp "$(image example-ping)" "$T/public/ping.hvt"
	monitor=$HUSK HUSK=$TOOLS/plain
	tap tap104 10.3.0.1 user
	launch "$T/public/husk" --mem=2 --net:service0=tap104 -- \
		"$T/public/ping.hvt" 10.3.0.2 limit 20
	answers_ping "a plain user without any capability, whose interface it is"
	tap tap104 10.3.0.1 root
	run "$T/public/husk" --mem=2 --net:service0=tap104 -- "$T/public/ping.hvt" limit 0
	judge "whose interface it is not" 1 'Operation not permitted' \
		'ip link del tap104 && ip tuntap add tap104 mode tap user 65534 && ip link set tap104 up$'
	remedied "the remedy makes it so" "$T/public/husk" --mem=2 --net:service0=tap104 -- \
		"$T/public/ping.hvt" limit 0
	HUSK=$monitor
	ip link del tap104
}

# --- frames that do not fit -----------------------------------------------------------------------

# sized LENGTH FIGURE: one frame, by hypercall and by the ring.
sized() {
	run --mem=8 --stats --net:service0=tap100 -- "$(image hostile_net)" --solo5:quiet \
		net_write "len=$1"
	judge "a frame of $1 bytes, by hypercall" 0 "^net:service0 $2 1$"
	run --mem=8 --stats --net:service0=tap100 -- "$(image hostile_ring)" --solo5:quiet \
		write buffer "$1" submit served
	judge "a frame of $1 bytes, by the ring" 0 "^net:service0 $2 1$"
}

sizes() {
	sized 0 tx_short
	sized 13 tx_short
	sized 14 frames_sent
	sized 1514 frames_sent
	sized 1515 tx_long
	sized 65536 tx_long
	# The guest was promised the MTU that the interface had when it started.
	for way in queues ring hypercalls; do
		ip link set tap100 mtu 1500
		serve $way 8 tap100 net_load take 20
		ip link set tap100 mtu 3000
		peer frames tap100 send 5 2000
		peer frames tap100 send 1 1515
		peer frames tap100 send 20
		await 20
		succeeds "longer frames than it was promised do not reach the guest, by $way"
		figure_is "they are counted, by $way" net:service0 rx_long -eq 6
	done
	ip link set tap100 mtu 1500
}

# A full payload behind tags, both ways; the MTU does not count them.
tagged() {
	for way in queues ring hypercalls; do
		serve $way 2 tap100 net_tags
		ip link set tap100 mtu 1600
		peer tags tap100
		await 20
		ip link set tap100 mtu 1500
		peer_ok "frames with tags may be longer by these, by $way"
		succeeds "the guest was let send them, by $way"
	done
}

# --- queues that are full -------------------------------------------------------------------------

# More than there is room for, and no more than vmm's stand-in can do in the time.
SENT=12000
[ "${BACKEND:-kvm}" != vmm ] || SENT=3000

full() {
	# husk closes what it was not told of, so that somebody else must hold the other end.
	printf '%s\n' '#!/bin/sh' 'sleep 60 >/dev/null 2>&1 &' 'exec "$@"' >"$T/held"
	chmod +x "$T/held"
	for type in dgram seqpacket stream; do
		where=@8
		[ $type != stream ] || where=stream:@8
		start_with="$TOOLS/tap pair 8 $type -- $T/held"
		for way in ring hypercalls; do
			serve $way 8 $where net_load send $SENT 64
			await 20
			succeeds "nobody takes what the guest sends, $type, by $way"
			figure_is "what finds no room is counted" net:service0 tx_full -gt 1000
		done
		start_with=
	done
	serve queues 8 tap100 net drain limit 1000000
	peer flood 10.0.0.2 4000 56 3000
	peer_ok "more pings than the interface's queue holds"
	peer flood 10.0.0.2 20
	peer_ok "and the guest goes on afterwards"
	end_guest
}

# --- what happens to the interface ----------------------------------------------------------------

# meanwhile NAME COMMAND: twice while the guest answers pings; all of them must come in the end.
meanwhile() {
	event=$1
	shift
	for way in queues ring hypercalls; do
		serve $way 8 tap100 net drain limit 1000000
		"$TOOLS/flood" 10.0.0.2 3000 56 8 >"$T/peer" 2>&1 &
		flood=$!
		sleep 0.5
		"$@"
		sleep 0.5
		"$@"
		wait $flood
		peer_status=$?
		peer_ok "$event, by $way"
		peer flood 10.0.0.2 100
		peer_ok "traffic as before, by $way"
		end_guest
		judge "the guest has not noticed, by $way" 1 'signal 15'
	done
}

# shellcheck disable=SC2317 # called by way of an argument
down_and_up() {
	ip link set tap100 down
	sleep 0.2
	ip link set tap100 up
}

# shellcheck disable=SC2317 # called by way of an argument
gone_and_back() {
	ip link del tap100
	sleep 0.4
	tap tap100 10.0.0.1
}

troubles() {
	meanwhile "the interface goes down and up" down_and_up
	meanwhile "the interface is deleted and made again" gone_and_back
	figure_is "it was attached again" net:service0 reattached -eq 2
	serve queues 8 tap100 net_load send 3000 8
	ip link set tap100 down
	await 30
	ip link set tap100 up
	succeeds "an interface that stays down does not end the guest"
	figure_is "what it sends is counted" net:service0 tx_down -gt 0
}

# away NAME OPTION...: an interface that is another user's goes while a guest has it, and comes again.
away() {
	name=$1
	shift
	tap tap104 10.3.0.1 user
	launch --mem=2 --stats "$@" --net:service0=tap104 -- "$(image example-ping)" 10.3.0.2 limit 40
	peer flood 10.3.0.2 20
	peer_ok "$name: at first"
	threads=$(cat /proc/"$started"/task/*/status | sed -n 's/^Seccomp:[[:space:]]*//p' | sort -u | tr '\n' ' ')
	report "$name: every thread is confined" "$([ "$threads" = '2 ' ] || echo "Seccomp is $threads")"
	ip link del tap104
	sleep 0.5
	report "$name: husk makes none" "$(ls -d /proc/sys/net/ipv4/conf/tap104 2>/dev/null)"
	tap tap104 10.3.0.1 user
	peer flood 10.3.0.2 20
	peer_ok "$name: and then"
	await 20
	figure_is "$name: it was attached again" net:service0 reattached -eq 1
	ip link del tap104
}

# Somebody else's takes CAP_NET_ADMIN; one's own takes nothing.
privileges() {
	expects_sandbox || return 0
	away "a tap of another user"
	figure_is "CAP_NET_ADMIN was kept" sandbox net_admin -eq 1
	figure_is "and told" sandbox no_privileges -eq 0
	run --mem=2 --user=65534 --dry-run "$(image hello)"
	if [ "$status" -ne 0 ]; then
		skip "a tap of --user" "there is no other user here"
		return
	fi
	away "a tap of --user" --user=65534
	figure_is "nothing was kept" sandbox net_admin -eq 0
	figure_is "and that told" sandbox no_privileges -eq 1
	tap tap104 10.3.0.1
	run --check --net:service0=tap104 -- "$(image example-ping)"
	judge "--check says what is kept" 0 '^note sandbox: CAP_NET_ADMIN is kept'
	ip link del tap104
}

# --- waiting --------------------------------------------------------------------------------------

# many ARGUMENT...: 63 devices; the options are in $attached.
many() {
	# shellcheck disable=SC2086 # a list of words
	launch --mem=16 $attached -- "$(image net_many)" "$@"
}

many_taps() {
	attached='' device=0
	while [ $device -lt 63 ]; do
		tap many$device - && attached="$attached --net:service$device=many$device"
		device=$((device + 1))
	done
}

# send_from FIRST: one frame on each of the interfaces from there on.
send_from() {
	device=$1
	while [ "$device" -lt 63 ]; do
		"$TOOLS/frames" "many$device" send 1 >/dev/null ||
			echo "# cannot send on many$device"
		device=$((device + 1))
	done
}

waiting() {
	many_taps
	many all
	send_from 0
	await 20
	succeeds "63 devices become ready together, and none for nothing"
	many first 63
	"$TOOLS/frames" many0 send 1000000 60 >/dev/null 2>&1 &
	sender=$!
	send_from 1
	await 20
	kill -0 $sender 2>/dev/null || echo "# the flood came to an end too early"
	kill $sender
	wait $sender 2>/dev/null
	succeeds "a flood on the first device does not keep the others waiting"
	ip link set many5 mtu 3000
	many none 1000
	ip link set many5 mtu 4000
	peer frames many5 send 3 3500
	await 20
	succeeds "a frame that is too long makes no device ready"
	many sleep 1 sleep 5 sleep 20 sleep 100
	await 20
	succeeds "timeouts"
	report "none is much too long" "$(awk '/us late/ && $1 > 50000' "$T/out")"
}

# --- arguments of the examples --------------------------------------------------------------------

# example_refuses EXAMPLE ARGUMENT...: one line, exit status 1.
example_refuses() {
	example=$1
	shift
	launch --mem=2 --net:service0=tap100 -- "$(image "example-$example")" \
		--solo5:quiet "$@"
	await 20
	judge "$example $*: refused" 1 "^$example: .*, not: $*\$"
	report "$example $*: one line" "$(tail -n +2 "$T/out")"
}

arguments() {
	for argument in 10.0.0.300 10.0.0.256 10.0.0 10.0.0. 10.0.0.2.3 10.0.0.2x 10..0.2 \
		010.0.0.0256 10.0.0.4294967298 x; do
		example_refuses ping "$argument"
		example_refuses udp-echo "$argument"
	done
	example_refuses ping limit
	example_refuses ping limit x
	example_refuses ping limit 3x
	example_refuses ping limit 3 4
	example_refuses ping limit 18446744073709551616
	example_refuses ping 10.0.0.2 3
	example_refuses ping 10.0.0.2limit 3
	example_refuses udp-echo 10.0.0.2 3
	run --mem=2 --net:service0=tap100 -- "$(image example-ping)" 255.255.255.255 limit 0
	judge "ping: the highest numbers" 0 '^MTU is 1500$'
	launch --mem=2 --net:service0=tap100 -- "$(image example-udp-echo)" 10.0.0.9
	peer udp 10.0.0.9 7 0 1 2
	peer_ok "the UDP example has the address that it was told to have"
	end_guest
}

rows
jumbo
ring_or_not
by_queues
one_processor
kinds
macs
errors
sharing
plain_user
sizes
tagged
full
troubles
privileges
waiting
arguments
finish
