#!/bin/sh
# SPDX-License-Identifier: ISC
# test_look.sh: what husk tells about a guest that runs, hangs or has failed: figures, functions, callers.
#
# What is to be shown, by its number in the list of tests for looking inside:
#
#	28	SIGUSR1, 300 times, and each answer is a whole line: here, of a guest that asks for the time all along, and of one
#		whose disk is at work; 1000 times among frames, of which none is lost: test_frames; before the start is complete:
#		at_main, early
#	29	SIGQUIT in a guest that hangs names the function: asks
#	16	all of it in the sandbox, too
set -u

# shellcheck source=tests/machine/lib.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib.sh"
need_guests
need_hypervisor

spin=$(image spin)
confined=--sandbox=on
"$HUSK" --version | grep -q 'sandbox: seccomp' || confined=--mem=8

ready() {
	grep -q READY "$T/out"
}

# looks OPTION... -- ACT: starts a guest that passes its time so, and waits until it does.
looks() {
	start --mem=8 "$@"
	within 20 ready || not_ok "it starts" "nothing was said in 20 s"
}

figures() {
	grep -c '^{.*}}$' "$T/err"
}

# has_figures N: so many lines of them, or more, and nothing else.
has_figures() {
	[ "$(figures)" -ge "$1" ] && [ "$(wc -l <"$T/err")" = "$(figures)" ]
}

# asks ACT: figures while it goes on, and then the place; the same with the sandbox closed.
asks() {
	for sandbox in --sandbox=off "$confined"; do
		looks "$sandbox" --stats=json -- "$spin" --solo5:quiet "$1"
		for n in 1 2; do
			kill -USR1 "$started"
			within 20 has_figures $n || break
		done
		report "SIGUSR1: figures of a guest that passes its time by '$1', $sandbox" \
			"$(has_figures 2 || echo "$(figures) lines of figures; $(cat "$T/err")")"
		kill -QUIT "$started"
		await 20
		judge "SIGQUIT: and where it is, $sandbox" 1 'Exiting on signal 3' 'guest is at [a-z0-9_]*+0x' \
			"${2-solo5_app_main+0x}" 'called from bindings_start+0x' 'registers: [rp][a-z]*=0x' \
			"addr2line -ipfe $spin 0x"
	done
}
asks compute
asks sleep 'called from solo5_app_main+0x'
asks ask ' solo5_app_main+0x'	# between two calls, or in one

# For who reads it himself: the figures, and where the guest is.
looks --stats -- "$spin" --solo5:quiet sleep
kill -USR1 "$started"
within 20 grep -q 'lines of the source' "$T/err"
report "SIGUSR1 says where the guest is, too" "$(grep -q 'called from solo5_app_main+0x' "$T/err" || show "$T/err")"
report "and for how long it ran, and waited" \
	"$(grep -q '^time guest_us [1-9]' "$T/err" && grep -q '^time waiting_us [1-9]' "$T/err" || show "$T/err")"
report "and how much memory it takes" "$(awk '$1 == "memory" { of[$2] = $3 } END { exit !(of["guest_bytes"] == 8388608 &&
	of["resident_bytes"] > 65536) }' "$T/err" || show "$T/err")"
kill -TERM "$started"
await 20
judge "and it goes on until it is stopped" 1 'Exiting on signal 15'

# --- for collectors ---

# collected PATTERN: the file has all that a collector is to find.
collected() {
	grep -q "$1" "$T/metrics" && [ "$(tail -n 1 "$T/metrics")" = '# EOF' ]
}

echo "what another run has left, much of it" >"$T/metrics"
looks --metrics="$T/metrics" --metrics-every=86400 "$confined" -- "$spin" --solo5:quiet sleep
within 20 collected '^husk_hypercalls_total{name="puts"} [01]$'
report "metrics are there from the start" "$(collected husk_exits_total || show "$T/metrics")"
kill -USR1 "$started"
within 20 collected '^husk_hypercalls_total{name="puts"} 1$'
report "memory is a gauge" "$(collected '^husk_resident_bytes{of="memory"} [1-9][0-9]*$' &&
	collected '^# TYPE husk_resident_bytes gauge$' || show "$T/metrics")"
report "and are those of now after SIGUSR1" "$(collected 'husk_time_seconds_total{in="waiting"} ' || show "$T/metrics")"
kill -TERM "$started"
await 20
judge "metrics keep nobody from an end in order" 1 'Exiting on signal 15'

looks --metrics="$T/metrics" --metrics-every=1 "$confined" -- "$spin" --solo5:quiet compute
within 20 collected 'in="guest"} [1-9]'
report "once a second they are those of now, without a signal" "$(collected 'in="guest"} [1-9]' || show "$T/metrics")"
report "nothing is said of that" "$(grep . "$T/err")"
kill -TERM "$started"
await 20
run --mem=8 --metrics="$T/metrics" -- "$(image hello)" --solo5:quiet
report "at the end they are complete" "$(collected '{name="halt"} 1$' || show "$T/metrics")"
# Of many devices, whose figures are more than a heap of a process that maps nothing would hold by itself.
set --
for n in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40 \
	41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62; do
	dd if=/dev/null of="$T/disk$n" bs=1 seek=4096 2>/dev/null
	set -- "$@" "--block:storage$n=$T/disk$n"
done
run --mem=16 "$@" --metrics="$T/metrics" --stats=json "$confined" -- "$(image maxdevices)"
judge "metrics of 63 devices, confined" 0 SUCCESS
report "are all there" "$(collected '{of="block:storage62"}' || show "$T/metrics")"
exec 7>>"$T/metrics"
run --mem=8 --metrics=@7 -- "$(image hello)"
judge "metrics are not appended" 1 '--metrics=@7: it is open for appending'
exec 7>&-
exec 7<>"$T/metrics"
run --mem=8 --metrics=@7 --stats-to=@7 -- "$(image hello)"
judge "nor are other figures where they are" 1 '--metrics=@7 is where --stats-to goes, too'
run --mem=8 --check --metrics=@7 --stats-to=@7 -- "$(image hello)"
judge "as --check says" 1 'FAIL --metrics=@7 is where --stats-to goes, too'
for both in "--metrics=@7 --trace=@7" "--metrics=$T/metrics --trace=@7" \
	"--stats-to=$T/metrics --trace=@7"; do
	# shellcheck disable=SC2086 # two words
	run --mem=8 $both -- "$(image hello)"
	judge "nor do others write where figures are: $both" 1 '=@7 is where --[ms].* goes, and each would overwrite the other'
done
exec 7>&-
run --mem=8 --dry-run --metrics="$T/new" -- "$(image hello)"
report "a dry run makes no file" "$([ "$status" = 0 ] && [ ! -e "$T/new" ] || show "$T/err")"
run --mem=8 --dry-run --metrics=/dev/null -- "$(image hello)"
judge "and refuses what is none" 1 '--metrics=/dev/null: only a file'
run --mem=8 --metrics=/dev/null -- "$(image hello)"
judge "metrics want a file" 1 '--metrics=/dev/null: only a file'
run --mem=8 --metrics="$T/none/metrics" -- "$(image hello)"
judge "whose directory is there" 1 '--metrics=.*none/metrics: No such file'
run --mem=8 --metrics-every=5 -- "$(image hello)"
judge "and do not come without one" 1 'there is no --metrics=FILE'

# Many at once count as one, and each text is whole.
looks --stats=json -- "$spin" --solo5:quiet ask
n=0
while [ $n -lt 300 ]; do
	kill -USR1 "$started"
	n=$((n + 1))
done
within 20 has_figures 1
kill -USR1 "$started"
within 20 has_figures 2
report "300 requests: whole lines, and the guest goes on" "$(has_figures 2 || show "$T/err")"
kill -TERM "$started"
await 20
judge "and ends as it would have" 1 'Exiting on signal 15'

# What a disk is asked for meanwhile is done.
dd if=/dev/zero of="$T/disk" bs=65536 count=1 2>/dev/null
set --
for n in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29; do
	set -- "$@" write $((n * 1000)) 512 read $((n * 1000)) 512
done
start --mem=8 --stats=json --block:storage="$T/disk" "$confined" -- "$(image disk)" --solo5:quiet "$@"
n=0
while [ $n -lt 300 ] && kill -USR1 "$started" 2>/dev/null; do
	n=$((n + 1))
done
await 60
judge "requests to a disk are done, however often figures are asked for" 0 SUCCESS
report "whose lines are whole, too" "$(has_figures 2 || show "$T/err")"

# What the starter ignores is never in the way: husk itself hears it from its first instruction on.
cat >"$T/early" <<'EOM'
trap '' USR1 QUIT
"$@" &
pid=$!
for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do kill -USR1 $pid; done
wait $pid
EOM
early=0
for n in 1 2 3; do
	timeout -s KILL "$LIMIT" sh "$T/early" "$HUSK" --mem=8 -- "$(image hello)" Hello_Solo5 >"$T/out" 2>"$T/err" </dev/null
	status=$?
	[ "$status" = 0 ] && early=$((early + 1))
done
report "SIGUSR1 does not kill while it starts" "$([ $early = 3 ] || echo "$early of 3 ended well")"

# at_main SIGNAL: that is sent before the first instruction of main, to husk without a handler of its own.
at_main() {
	timeout -s KILL "$LIMIT" gdb -nx -q -batch -ex 'set startup-with-shell off' -ex "handle $1 nostop noprint pass" \
		-ex 'break *main' -ex run -ex delete -ex "signal $1" -ex 'print $_exitcode' \
		--args "$HUSK" --mem=8 -- "$(image hello)" Hello_Solo5 >"$T/out" 2>"$T/err" </dev/null
	status=$(sed -n 's/^\$1 = \([0-9]*\)$/\1/p' "$T/out")
	cat "$T/out" >>"$T/err"
}

# A leak sanitizer is not for programs that are traced.
if ! command -v gdb >/dev/null || [ "${CROSS:-no}" != no ] || grep -q '^SANITIZE := .' "$BUILD/config.mk" 2>/dev/null; then
	skip "signals before the first instruction of main" "there is no gdb for this husk"
elif at_main SIGUSR1; ! printed 'Breakpoint 1, '; then
	skip "signals before the first instruction of main" "gdb cannot run a program here"
else
	judge "SIGUSR1 before the first instruction of main: figures, later" 0 'hypercalls puts [0-9]' SUCCESS
	at_main SIGQUIT
	judge "SIGQUIT then: an end in order" 1 'Breakpoint 1, ' 'Exiting on signal 3'
fi

# An image that never comes.
mkfifo "$T/never"
start "$T/never"
exec 7<>"$T/never"
within 20 test -e "$T/pid"
sleep 0.1
kill -USR1 "$started"
kill -QUIT "$started"
await 20
judge "SIGQUIT before there is a guest" 1 'Exiting on signal 3'
exec 7>&-

# --- images without names ---

strip=${STRIP:-strip}
if ! "$strip" -o "$T/stripped.hvt" "$spin" 2>/dev/null; then
	skip "a stripped image" "there is no $strip for it"
else
	looks -- "$T/stripped.hvt" --solo5:quiet sleep
	kill -QUIT "$started"
	await 20
	judge "a stripped image has addresses" 1 'guest is at 0x' 'called from 0x' \
		'stripped.hvt has no names for that; with a COPY that was not stripped: --symbols=COPY'
	looks --symbols="$spin" "$confined" -- "$T/stripped.hvt" --solo5:quiet sleep
	kill -QUIT "$started"
	await 20
	judge "--symbols gives it names" 1 'called from solo5_app_main+0x' "addr2line -ipfe $spin 0x"
fi
# An image that is written over while its guest runs: what is there now are others' names.
cp "$spin" "$T/spin.hvt"
looks "$confined" -- "$T/spin.hvt" --solo5:quiet sleep
cat "$(image hello)" >"$T/spin.hvt"
kill -QUIT "$started"
await 20
judge "an image that has changed has no names" 1 'guest is at 0x' 'spin.hvt has changed since the guest was loaded'

run --symbols="$(image fpu)" -- "$(image hello)" --solo5:quiet
judge "--symbols of another image is refused" 1 'symbols of another image'
cp "$(image hello)" "$T/copy.json"
for option in trace profile stats-to metrics; do
	run --stats --symbols="$T/copy.json" --$option="$T/copy.json" -- "$(image hello)"
	judge "--$option does not write to --symbols" 1 "--$option=.*: a disk of this guest, its symbols"
done
report "--symbols stays as it was" "$(cmp "$T/copy.json" "$(image hello)" 2>&1)"
run --symbols="$T/none" -- "$(image hello)"
judge "--symbols of a file that is not there" 1 '--symbols: .*none: could not open: No such file'

run --check --symbols="$T/none" --trace="$T/none/trace" --profile="$T/none/x.svg" -- "$(image hello)"
judge "--check looks at files that are named" 1 '--symbols: .*none: could not open' \
	'--trace=.*none/trace: No such file' '--profile=.*none/x.svg: No such file'

# --- failures name their function ---

run --mem=8 "$confined" -- "$(image wxorx)" --solo5:quiet
if [ "$status" = 1 ] && printed 'translation fault'; then
	judge "a fault names its function" 1 'in [a-z0-9_]*+0x[0-9a-f]*; addr2line -ife'
fi
run --mem=8 "$confined" -- "$(image exception)" --solo5:quiet pagefault
judge "an exception names its function" 255 \
	'guest ended by an exception at [rp][ipc]*=0x[0-9a-f]*: in solo5_app_main+0x[0-9a-f]*; addr2line -ife'
run --mem=8 "$confined" -- "$(image hello)" --solo5:quiet
report "an end without one names none" "$(grep 'by an exception' "$T/err")"
# The bindings say it of their own accord, whatever monitor is below them.
run --mem=8 "$confined" -- "$(image zeropage)" read 4
judge "the bindings print the command that names the lines" 255 \
	'^Solo5: trap: lines of the source: addr2line -ipfe IMAGE 0x1[0-9a-f]* 0x1[0-9a-f]*'
finish
