#!/bin/sh
# SPDX-License-Identifier: ISC
# test_recipes.sh: what README.md and husk(1) tell to type for a network works, word for word.
set -u

SRC=${SRC:-$(dirname "$0")/../..}
# shellcheck source=tests/machine/lib.sh
. "$SRC/tests/machine/lib.sh"
# shellcheck source=tests/machine/lib_net.sh
. "$SRC/tests/machine/lib_net.sh"
need_guests
need_hypervisor
[ -e "$SRC/docs/husk.1" ] || skip_all "the documents are not here"
for program in nsenter mount sleep; do
	command -v $program >/dev/null || skip_all "there is no program $program here"
done
need_network

# --- recipes --------------------------------------------------------------------------------------

# manual WORD: the lines of the example in husk(1) in which the word is.
# shellcheck disable=SC2317 # called by way of an argument
manual() {
	awk -v word="$1" '
		/^\.Bd/ { inside = 1; text = ""; next }
		/^\.Ed/ { if (inside && index(text, word)) printf "%s", text; inside = 0 }
		inside { text = text $0 "\n" }' "$SRC/docs/husk.1"
}

# shellcheck disable=SC2317 # called by way of an argument
readme() {
	sed -n '/^## Networking/,/^## [^N]/s/^    \(ip .*\)/\1/p' "$SRC/README.md"
}

# The first program of the recipe that is not here; "[a-z]", because a shell has words of its own.
lacking() {
	while read -r program _; do
		case $program in
		[a-z]*) command -v "$program" >/dev/null || { echo "$program"; return; } ;;
		esac
	done <"$T/recipe"
}

# follow NAME COMMAND...: does what the command prints.
follow() {
	name=$1
	shift
	"$@" >"$T/recipe"
	[ -s "$T/recipe" ] || echo false >"$T/recipe"
	lacks=$(lacking)
	if [ -n "$lacks" ]; then
		skip "$name" "there is no program $lacks here"
		return 1
	fi
	sh -e "$T/recipe" >"$T/out" 2>"$T/err"
	status=$?
	judge "$name" 0
	return 0
}

# --- surroundings: a user, and a host outside -----------------------------------------------------

alice() {
	grep -v '^alice:' /etc/passwd >"$T/passwd"
	echo 'alice:x:65534:65534::/:/bin/sh' >>"$T/passwd"
	mount --bind "$T/passwd" /etc/passwd
}

# The host is 192.0.2.10 on eth0, and there is 192.0.2.1, which knows of no other network.
surroundings_make() {
	outside_make || return 1
	interface_up eth0 192.0.2.10
	there ip address add 192.0.2.1/24 dev eth0
	there ip link set eth0 up
	ip route add default via 192.0.2.1
}

# --- what must work then --------------------------------------------------------------------------

# pinged NAME FROM TAP ADDRESS: a guest of that address there answers; FROM is empty or "there".
pinged() {
	name=$1 from=$2
	launch --mem=2 "--net:service0=$3" -- "$(image example-ping)" "$4" limit 20
	$from timeout -s KILL "$LIMIT" "$TOOLS/flood" "$4" 20 >"$T/peer" 2>&1
	peer_status=$?
	await 20
	peer_ok "$name"
}

go_out() {
	run --mem=2 --net:service0=tap0 -- "$(image net_out)"
}

translate() {
	if ! nft list tables >"$T/err" 2>&1; then
		skip "network address translation" "no nft: $(head -n 1 "$T/err")"
		return
	fi
	go_out
	judge "without translation nothing comes back" 30
	follow "husk(1): forward and translate" manual masquerade || return
	go_out
	succeeds "a guest reaches a host outside"
}

bridge() {
	follow "husk(1): a bridge" manual 'link add br0'
	pinged "the host reaches a guest" '' tap0 10.0.0.2
	follow "husk(1): another tap" manual tap1
	pinged "and a guest there" '' tap1 10.0.0.3
}

join_host() {
	follow "husk(1): the host's own interface too" manual eth0
	report "its gateway is the same" \
		"$(ip route show default | grep -q 'via 192.0.2.1 dev br0' || echo 'it is not')"
	pinged "a host outside reaches a guest in its network" there tap0 192.0.2.20
	pinged "so does the host" '' tap0 192.0.2.20
	peer flood 192.0.2.1 20
	peer_ok "and the host reaches the others as before"
}

ip link add br9 type bridge 2>/dev/null || skip_all "this kernel has no bridges"
ip link del br9
alice || skip_all "cannot make a user"
surroundings_make || skip_all "cannot make a network outside"
follow "README.md: a tap for a user" readme
pinged "its guest answers" '' tap0 10.0.0.2
ip link del tap0
follow "husk(1): a tap for a user" manual 'add tap0'
pinged "its guest answers too" '' tap0 10.0.0.2
translate
bridge
join_host
finish
