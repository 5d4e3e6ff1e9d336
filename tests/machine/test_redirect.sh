#!/bin/sh
# SPDX-License-Identifier: ISC
# test_redirect.sh: taps as urunc makes them, whose frames tc sends on to an interface that leads elsewhere, and back:
# what guests and the host's kernel leave to each other of checksums and segments is right at the other end.
set -u

# shellcheck source=tests/machine/lib.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib.sh"
# shellcheck source=tests/machine/lib_net.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib_net.sh"
need_guests
need_hypervisor
for program in nsenter sleep tc; do
	command -v $program >/dev/null || skip_all "there is no program $program here"
done
need_network

# --- surroundings ---------------------------------------------------------------------------------

# redirect FROM TO: all that comes in there.
redirect() {
	tc qdisc add dev "$1" ingress && tc filter add dev "$1" parent ffff: protocol all \
		u32 match u32 0 0 action mirred egress redirect dev "$2"
}

# fresh HEADER: a tap with a virtio header of so many bytes, and nothing but its own way to eth0.
fresh() {
	tc qdisc del dev eth0 ingress 2>/dev/null
	tap tap100 - vnet one "$1" && ip link set tap100 qlen 2000 && redirect tap100 eth0 && redirect eth0 tap100
}

# tx on|off: whether what goes into either end of the way may have its checksums and segments made later.
tx() {
	"$TOOLS/stream" tx eth0 "$1" && there "$TOOLS/stream" tx eth0 "$1"
}

# The guest does not answer questions for its address. What TCP sends goes in one flight, as nobody acknowledges it.
# shellcheck disable=SC2086 # a word or none
neighbour() {
	there ip $3 address add "$1" dev eth0 $4 && there ip $3 route add "$2" dev eth0 initcwnd 2000 &&
		there ip $3 neighbour add "$2" lladdr 02:00:00:00:00:01 dev eth0
}

elsewhere() {
	outside_make || return 1
	there ip link set eth0 address 02:00:00:00:00:99 up
	interface_up eth0 -
	neighbour 10.9.0.1/24 10.9.0.2 -4 '' && there ip address add 10.0.0.1/24 dev eth0
}

# It says more than was asked for, as all do that have IPv6.
elsewhere_six() {
	there sh -c 'echo 0 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6' && neighbour fd09::1/64 fd09::2 -6 nodad
}

# --- streams --------------------------------------------------------------------------------------

# out NAME WAY LARGEST UNFINISHED [OPTION]...: TCP there has what the guest sent; it came in frames like that.
out() {
	what=$1 how=$2 frames="largest $3 unfinished $4 wrong 0"
	shift 4
	stream "$what" source "$how" "$@"
	report "$what: frames are as they should be" "$(grep -q "$frames" "$T/peer" || show "$T/peer")"
}

# into NAME WAY LARGEST UNFINISHED [OPTION]...: the guest has what TCP there sent; likewise, by a condition.
into() {
	what=$1 how=$2 long=$3 unfinished=$4
	shift 4
	stream "$what" sink "$how check" "$@"
	# shellcheck disable=SC2086 # words
	said "$what: frames are as long as they should be" largest $long
	# shellcheck disable=SC2086
	said "$what: so are their checksums" unfinished $unfinished
}

# The guest's program gives the checksum back that it was sent.
datagrams() {
	launch --mem=4 --net:service0=tap100 -- "$(image example-udp-echo)"
	peer udp 10.0.0.2 7 0 1 100 1471 1472
	kill -TERM "$started"
	await 20
	peer_ok "$1"
}

# A dozen segments, or one frame of them.
BYTES=16384 SEGMENTS=12 WHOLE=16438 WHOLE_SIX=16458

# By hypercalls, frames have no header, whatever was there before.
CALLS='--no-net-queues --no-net-ring'

# rows TX HEADER OPTIONS HEADER OPTIONS: to there, and from there; options for the guest that asks for nothing. Nothing
# is left undone where the way takes only what is whole.
rows() {
	case $1 in
	on) large=$WHOLE large_six=$WHOLE_SIX one=1 all=$SEGMENTS more="-gt $SMALL" some='-gt 0' ;;
	off) large=$SMALL large_six=$SMALL one=0 all=0 more="-le $SMALL" some='-eq 0' ;;
	esac
	tx "$1" || not_ok "tx $1" "it cannot be set"
	fresh "$2"
	out "tx $1, header $2, segments out" tso "$large" "$one"
	out "tx $1, header $2, checksums out" csum "$SMALL" "$all"
	# shellcheck disable=SC2086 # words
	out "tx $1, header $2, whole frames out${3:+ $3}" plain "$SMALL" 0 $3
	datagrams "tx $1, header $2, datagrams"
	fresh "$4"
	into "tx $1, header $4, segments in" tso "$more" "$some"
	into "tx $1, header $4, checksums in" csum "-le $SMALL" "$some"
	# shellcheck disable=SC2086
	into "tx $1, header $4, whole frames in${5:+ $5}" plain "-le $SMALL" '-eq 0' $5
	if [ -z "$has_six" ]; then
		skip "tx $1, over IPv6" "there is none here"
		return
	fi
	out "tx $1, segments out over IPv6" 'tso six' "$large_six" "$one"
	into "tx $1, segments in over IPv6" 'tso six' "$more" "$some"
}

# What the kernel there found wrong of the packets that it was sent.
# shellcheck disable=SC2016 # awk expands them
wrong() {
	there awk '$1 == last { for (i = 2; i <= NF; i++) if (name[i] == "InCsumErrors") n += $i }
		{ last = $1; for (i = 2; i <= NF; i++) name[i] = $i } END { print n + 0 }' /proc/net/snmp
}

elsewhere || skip_all "cannot make a network elsewhere"
fresh 10 2>"$T/err" || skip_all "frames cannot be sent on here: $(head -n 1 "$T/err")"
has_six=
! elsewhere_six 2>/dev/null || has_six=yes
peer_from=there stream_at=eth0 stream_words=tcp
rows on 64 "$CALLS" 12 ''
rows off 10 '' 64 "$CALLS"
report "no packet had a wrong checksum" "$(test "$(wrong)" -eq 0 || echo "$(wrong) had one")"
finish
