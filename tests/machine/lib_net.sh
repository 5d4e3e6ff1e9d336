# SPDX-License-Identifier: ISC
# lib_net.sh: what suites with network devices share: interfaces, the host's side, figures.
#
# Sourced after lib.sh. Interfaces live in a network namespace of the suite's own, and end with it.

TOOLS=${TOOLS:-$BUILD/obj/tests/machine}

need_tools() {
	for tool in tap frames flood udp plain tags stream; do
		[ -x "$TOOLS/$tool" ] || skip_all "the host's side is not built: $TOOLS/$tool"
	done
}

# Starts the suite again, in namespaces of its own.
need_network() {
	need_tools
	[ "$(id -u)" -eq 0 ] || skip_all "only root can make network interfaces"
	[ -c /dev/net/tun ] || skip_all "no /dev/net/tun"
	for program in ip unshare; do
		command -v $program >/dev/null || skip_all "there is no program $program here"
	done
	if [ -z "${HUSK_TEST_NAMESPACE-}" ]; then
		why=$(unshare -n -m true 2>&1) || skip_all "cannot make a network namespace: $why"
		rm -rf "$T"
		HUSK_TEST_NAMESPACE=yes exec unshare -n -m sh "$0"
	fi
	network_quieten
	ip link set lo up
}

# Without IPv6, an interface is silent until somebody uses it.
network_quieten() {
	for interfaces in all default; do
		[ ! -e /proc/sys/net/ipv6/conf/$interfaces ] ||
			echo 1 >/proc/sys/net/ipv6/conf/$interfaces/disable_ipv6
	done
}

# tap NAME ADDRESS [KIND]...: a fresh interface, up. ADDRESS is the host's, "-" for none.
tap() {
	interface=$1 address=$2
	shift 2
	[ ! -e "/proc/sys/net/ipv4/conf/$interface" ] || ip link del "$interface"
	"$TOOLS/tap" make "$interface" "$@" || return 1
	interface_up "$interface" "$address"
}

interface_up() {
	[ "$2" = - ] || ip addr add "$2/24" dev "$1"
	ip link set "$1" up
}

# --- another network ------------------------------------------------------------------------------

outside=''

cleanup() {
	[ -z "$outside" ] || kill "$outside"
}

there() {
	nsenter -n -t "$outside" "$@"
}

apart() {
	[ "$(readlink "/proc/$outside/ns/net")" != "$(readlink /proc/self/ns/net)" ]
}

# The suite's interface eth0 leads there, to one of the same name.
outside_make() {
	unshare -n sleep 1000 &
	outside=$!
	within 20 apart && ip link add eth0 type veth peer name eth0 netns "$outside" || return 1
	there ip link set lo up
}

# --- runs with something going on at the other end ------------------------------------------------

# launch ARGUMENT...: in the background, until the guest says that it is ready.
launch() {
	start "$@"
	within 20 ready_or_over || echo "# the guest does not say that it is ready"
}

ready_or_over() {
	grep -q -e READY -e 'MTU is' -e Waiting "$T/out" || ended
}

peer_from=			# words put before the host's side

# peer PROGRAM ARGUMENT...: the host's side; sets peer_status.
peer() {
	program=$1
	shift
	$peer_from timeout -s KILL "$LIMIT" "$TOOLS/$program" "$@" >"$T/peer" 2>&1
	peer_status=$?
}

# peer_ok NAME: passed if the host's side of the last run was content.
peer_ok() {
	if [ "$peer_status" -eq 0 ]; then
		ok "$1"
	else
		not_ok "$1" "$(head -n 3 "$T/peer")"
	fi
}

# --- one raw stream: guests/stream.c --------------------------------------------------------------

BYTES=131072
FRAMES=90			# of 1460 of these,
LARGE_FRAMES=3			# and of 43 times as many
LARGE=62834			# a frame of 43 segments
LARGE_SIX=61994			# likewise
SMALL=1514
stream_at=tap100		# where its other end is,
stream_words=			# and more that is told that

# stream NAME DIRECTION WAY [OPTION]...: the whole of it arrives, as it was sent, in the guest's direction, and over
# IPv6 if WAY says "six".
stream() {
	name=$1 direction=$2 way=$3
	shift 3
	launch --mem=16 --stats --net:service0=tap100 "$@" -- "$(image stream)" --solo5:quiet \
		"$direction" "$way" $BYTES
	case $way in
	*six*) version=six ;;
	*) version= ;;
	esac
	# shellcheck disable=SC2086 # words
	if [ "$direction" = source ]; then
		peer stream sink "$stream_at" $BYTES check $version $stream_words
	else
		peer stream source "$stream_at" $BYTES $version $stream_words
	fi
	await 30
	peer_ok "$name: the host's end agrees"
	succeeds "$name: and the guest"
}

# said NAME WORD CONDITION...: what the guest said of it.
said() {
	title=$1 word=$2
	value=$(awk -v word="$word" '$1 == word { n = $2 } END { print n + 0 }' "$T/out")
	shift 2
	report "$title" "$(test "$value" "$@" || echo "$word is $value, not $*")"
}

# --- figures of a run with --stats ----------------------------------------------------------------

# figure SUBJECT NAME: 0 if there is none.
figure() {
	awk -v subject="$1" -v name="$2" \
		'$1 == subject && $2 == name { n = $3 } END { print n + 0 }' "$T/err"
}

# figure_is NAME SUBJECT FIGURE CONDITION...: a test such as -eq 3.
figure_is() {
	title=$1 value=$(figure "$2" "$3") which="$2 $3"
	shift 3
	if test "$value" "$@"; then
		ok "$title"
	else
		not_ok "$title" "$which is $value, not $*"
	fi
}
