#!/bin/sh
# SPDX-License-Identifier: ISC
# test_unconfined.sh: the guests of test_guests.sh once more, with --sandbox=off.
set -u

SRC=${SRC:-$(dirname "$0")/../..}
monitor=$(command -v "${HUSK:-husk}") || {
	echo "1..0 # SKIP there is no monitor to test: ${HUSK:-husk}"
	exit 0
}
T=$(mktemp -d "${TMPDIR:-/tmp}/husk-test.XXXXXX") || exit 1
trap 'rm -rf "$T"' EXIT
trap 'exit 1' HUP INT TERM

cat >"$T/husk" <<EOM
#!/bin/sh
exec '$monitor' --sandbox=off "\$@"
EOM
chmod 755 "$T/husk"
HUSK=$T/husk UNCONFINED=yes sh "$SRC/tests/machine/test_guests.sh"
