#!/bin/sh
# SPDX-License-Identifier: ISC
# test_facts.sh: the stand-in of FreeBSD's vmm answers as real kernels did, where they were asked.
#
# The expected files are tests/vmm/facts/ARCHITECTURE-PERSONALITY.txt; what follows a # in a line is
# a remark. Of taps and disks the stand-in has none: host-15.txt is for kernels, and kept complete here.
set -u

src=${SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
facts=${BUILD:?}/obj/tests/vmm/facts/facts
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
chmod 755 "$tmp"	# one probe gives up being root
export HUSK_VMM_DIR="$tmp/machines"

if [ "${CROSS:-no}" = yes ]; then
	echo "1..0 # SKIP /dev/kvm is another architecture's"
	exit 0
fi
if [ ! -w /dev/kvm ]; then
	echo "1..0 # SKIP no /dev/kvm that can be used"
	exit 0
fi

number=0
result() {
	number=$((number + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $number - $2"
	else
		echo "not ok $number - $2"
	fi
}

# names FILE...: of taps and disks, as the probes have them and the expected file.
names() {
	grep -ohE '\b(tap|disk)[.][a-z][a-z0-9_]+' "$@" | sort -u
}
names "$src"/tests/vmm/facts/taps_freebsd.c "$src"/tests/vmm/facts/disks_freebsd.c >"$tmp/asked"
names "$src"/tests/vmm/facts/host-15.txt >"$tmp/answered"
diff "$tmp/asked" "$tmp/answered" >"$tmp/diff" && [ "$(grep -c . "$tmp/asked")" -gt 80 ]
result $? "each question about taps and disks has the answer of a kernel, and no other has"
sed 's/^/# /' "$tmp/diff"

# What only root can ask is left out for others.
askable() {
	if [ "$(id -u)" -eq 0 ]; then cat; else sed '/^setuid[.]/d'; fi
}

for expected in "$src/tests/vmm/facts/$ARCH"-*.txt; do
	personality=${expected##*/"$ARCH"-}
	personality=${personality%.txt}
	sed -e 's/ *#.*//' -e '/^$/d' "$expected" | askable >"$tmp/expected"
	HUSK_VMM_DOUBLE=$personality timeout 60 "$facts" >"$tmp/all" 2>"$tmp/errors"
	status=$?
	askable <"$tmp/all" >"$tmp/got"
	diff "$tmp/expected" "$tmp/got" >"$tmp/diff" && [ "$status" -eq 0 ]
	same=$?
	result $same "FreeBSD $personality: $(grep -c . "$tmp/expected") answers"
	[ $same -eq 0 ] || { echo "# status $status"; sed 's/^/# /' "$tmp/diff" "$tmp/errors"; }
	[ -z "$(ls "$HUSK_VMM_DIR" 2>/dev/null)" ]
	result $? "FreeBSD $personality: no machine is left"
	rm -rf "$HUSK_VMM_DIR"
done
echo "1..$number"
