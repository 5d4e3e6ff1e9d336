#!/bin/sh
# SPDX-License-Identifier: ISC
# test_dumpcore.sh: core files of guests that abort, are at fault or hang; and what keeps one from being written.
#
# What core files are to be tested for, by the numbers that test_gdb.sh has for all of debugging:
#
# 18 Solo5's trigger, name, messages and status   here; its own case of them, as solo5-hvt-debug
# 19 gdb reads backtrace, registers, variables    here, of this machine's architecture
#    vector registers are as the guest left them  here; unit/dumpcore/test_notes_x86_64, test_notes_aarch64
#    registers are those of the exception         here: register
# 20 each reason for one                          here; unit/dumpcore/test_module_dumpcore
#    a triple fault that loses registers          here: lost
#    signals: SIGQUIT; a debugger's word          here; machine/test_gdb_itself
# 21 2 GiB with few pages; swapped pages          here: size; swapped
# 22 directories that are not there, read-only    here
#    full disks, files and links in the way       here
#    RLIMIT_FSIZE; a quota, broken disks          here; unit/dumpcore/test_module_dumpcore
# 23 readelf, eu-readelf, file, gdb alone         here
#    no breakpoint of a debugger's is in it       here; machine/test_gdb_itself, unit/gdb/test_module_gdb
set -u

# shellcheck source=tests/machine/lib.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib.sh"
need_guests
need_hypervisor
"$HUSK" --help | grep -q dumpcore || skip_all "there is no module dumpcore"

cores=$T/cores
mkdir "$cores"

# core: the file that the last run has said it made; "" if it said none.
core() {
	sed -n 's/.*dumpcore: dumping guest core to: \(.*core\.solo5-hvt\.[0-9]*\)$/\1/p' "$T/err"
}

# dumps NAME STATUS PATTERN OPTION...: the run leaves a core, whole and for its owner alone.
dumps() {
	name=$1 wanted=$2 pattern=$3
	shift 3
	run --mem=8 --dumpcore="$cores" "$@"
	judge "$name" "$wanted" "$pattern" 'dumpcore: dumped [0-9]* pages of total 2048 pages'
	file=$(core)
	[ -n "$file" ] || return
	# shellcheck disable=SC2012 # names without surprises
	set -- "$(ls -l "$file" | cut -c1-10)" "$(wc -c <"$file")" "$(du -k "$file" | cut -f1)"
	report "$name: the file" "$([ "$1" = -rw------- ] && [ "$2" -gt 8388608 ] && [ "$3" -lt 1024 ] || echo "$*")"
}

# none NAME STATUS WORD...
none() {
	name=$1 wanted=$2
	shift 2
	run --mem=8 --dumpcore="$cores" "$@"
	judge "$name" "$wanted"
	report "$name: no core" "$(core)"
}

# number FILE OFFSET: the eight bytes there, in hexadecimal.
number() {
	od -A n -t x1 -j "$2" -N 8 "$1" | awk '{ for (i = 8; i > 0; i--) printf "%s", $i; print "" }' | sed 's/^0*//'
}

# register N: the last core's, by Linux's numbers of them. ELF: e_phoff is 64, p_offset of the first header 8 behind;
# the note's own header has 20 bytes, and registers are 112 behind that.
register() {
	number "$file" $((0x$(number "$file" 72) + 20 + 112 + 8 * $1))
}

# Where a register is among general ones; how long their note is; where the fourth vector register is in the next.
# shellcheck disable=SC2016 # gdb expands it
case ${ARCH:-$(uname -m)} in
aarch64 | arm64) pc=32 cs= ss= status_size=392 fourth=48 vector='$v3.d.u' ;;
*) pc=16 cs=17 ss=20 status_size=336 fourth=208 vector='$xmm3.v2_int64' ;;
esac

# vector: type and owner of the note behind the general registers', and the fourth register in it, of the last core.
vector() {
	note=$((0x$(number "$file" 72) + 20 + status_size))
	for place in $((note + 8)) $((note + 20 + fourth)) $((note + 20 + fourth + 8)); do
		number "$file" $place
	done | xargs
}

# Solo5's trigger, name and messages, confined or not.
dumps "an abort" 255 'core.solo5-hvt.[0-9]*$' --sandbox=off -- "$(image exception)" --solo5:quiet pagefault
aborted=$file
dumps "an abort, confined" 255 'core.solo5-hvt.[0-9]*$' -- "$(image exception)" --solo5:quiet pagefault
trapped=$(sed -n 's/.*ended by an exception at [a-z]*=0x\([0-9a-f]*\).*/\1/p' "$T/err")
report "its registers are those of the exception" "$(
	[ -n "$trapped" ] && [ "$(register $pc)" = "$trapped" ] || echo "$(register $pc), not $trapped")"
if [ -n "$cs" ]; then
	report "its segments are the guest's" "$([ -n "$(register $cs)" ] && [ -n "$(register $ss)" ] ||
		echo "cs=$(register $cs) ss=$(register $ss)")"
fi
dumps "an abort in the middle of its work" 255 'core.solo5-hvt.[0-9]*$' -- "$(image debug)" leave
interrupted=$file
if [ "${BACKEND:-kvm}" = kvm ]; then	# others do not tell them
	report "its vector registers are as it left them" "$(
		vector | grep -v '^45524f4300000002 123456789abcdef fedcba9876543210$')"
fi
none "status 7" 7 -- "$(image exit)" --solo5:quiet exit 7
none "status 0" 0 -- "$(image hello)" --solo5:quiet Hello_Solo5
if [ "${BACKEND:-kvm}-${ARCH-}" != vmm-aarch64 ] && has_small_pages; then
	dumps "a fault" 1 'translation fault' -- "$(image wxorx)" --solo5:quiet write text
	report "the fault comes first" "$(head -1 "$T/err" | grep -qv 'translation fault' && cat "$T/err")"
	faulted=$file
	[ -n "$faulted" ] || faulted=$aborted
else
	faulted=$aborted
fi
# AMD's processors do not tell vmm of one.
case ${BACKEND:-kvm}-${ARCH-}-${HUSK_VMM_DOUBLE:-15-intel} in
vmm-*-*amd*) told=no ;;
*-x86_64-*) told=yes ;;
*) told=no ;;
esac
if [ $told = yes ]; then
	dumps "a triple fault" 1 'guest triple fault' -- "$(image hostile_x86_64)" triple-fault
	lost='as the guest left them'
	! printed 'its registers are lost' || lost=lost	# where the processor resets them
	report "and the note says what its registers are worth" \
		"$(grep -a -q "\"registers\":\"$lost\"" "$file" || echo "they are not '$lost'")"
fi
# Solo5's own case of this, by its program's name: one file, which the last word of a line names; all in one stream.
mkdir "$T/solo5"
ln -s "$(command -v "$HUSK")" "$T/solo5-hvt-debug"
timeout -s KILL "$LIMIT" "$T/solo5-hvt-debug" --dumpcore="$T/solo5" "$(image exit)" abort >"$T/out" 2>&1 </dev/null
status=$? file=$(grep -o 'core\.solo5-hvt\.[0-9]*$' "$T/out")
: >"$T/err"
judge "solo5-hvt-debug" 255 '^solo5-hvt-debug: dumpcore: dumped'
report "solo5-hvt-debug: the file" "$([ -f "$T/solo5/$file" ] || echo "it says '$file'")"

dumps "a call that is forbidden" 1 'Invalid guest access' -- "$(image hostile_core)" --solo5:quiet walltime struct=null

# A guest that hangs, and one that is asked to end.
for signal in QUIT TERM; do
	start --mem=8 --dumpcore="$cores" -- "$(image spin)" --solo5:quiet compute
	within 20 grep -q READY "$T/out"
	kill -$signal "$started"
	await 20
	case $signal in
	QUIT) judge "SIGQUIT leaves a core" 1 'guest is at ' 'dumpcore: dumped [0-9]* pages of total 2048 pages' ;;
	TERM) report "SIGTERM leaves none" "$(core)" ;;
	esac
	[ $signal = TERM ] || hung=$(core)
done

# --- who reads them ---

if command -v gdb >/dev/null && gdb -q -batch -ex 'show architecture' "$(image spin)" 2>/dev/null |
	grep -q "${ARCH:-x86}\|x86-64"; then
	gdb -q -batch -ex bt -ex 'info registers' "$(image exception)" "$aborted" >"$T/out" 2>&1 </dev/null
	status=$?
	judge "gdb reads a core" 0 'terminated with signal SIGABRT' '#0 .*solo5_app_main' 'rip\|pc '
	gdb -q -batch -ex 'p rounds' -ex "p/x $vector" "$(image debug)" "$interrupted" >"$T/out" 2>&1 </dev/null
	status=$?
	judge "and variables" 0 '^$1 = 3$'
	report "and takes no note for what it is not" "$(grep -i 'warning: Section' "$T/out")"
	[ "${BACKEND:-kvm}" != kvm ] || judge "and vector registers" 0 '^$2 = {0x123456789abcdef, 0xfedcba9876543210}'
	gdb -q -batch -ex bt "$(image spin)" "$hung" >"$T/out" 2>&1 </dev/null
	status=$?
	judge "gdb reads that of a guest that hung" 0 '#[0-9] .*bindings_start'
	gdb -q -batch -ex 'info registers' -c "$aborted" >"$T/out" 2>&1 </dev/null
	status=$?
	judge "and without the image" 0 'rip\|pc '
	if [ "${BACKEND:-kvm}" = kvm ] && "$HUSK" --help | grep -q -e --gdb && [ "${ARCH:-$(uname -m)}" = "$(uname -m)" ]; then
		start --mem=8 --dumpcore="$cores" --gdb="$T/gdb" -- "$(image exception)" --solo5:quiet pagefault
		within 20 test -S "$T/gdb"
		timeout 240 gdb -q -nx -batch -ex "target remote $T/gdb" -ex 'break solo5_exit' -ex continue \
			-ex continue "$(image exception)" >"$T/replies" 2>&1 </dev/null
		await 20
		cp "$T/replies" "$T/out"
		judge "a core of a guest that is debugged" 255 'Breakpoint 1 at' 'dumpcore: dumped'
		gdb -q -nx -batch -ex 'compare-sections .text' "$(image exception)" "$(core)" >"$T/out" 2>&1 </dev/null
		status=$?
		judge "has no breakpoint in it" 0 'Section .text.*: matched'
	else
		skip "a core of a guest that is debugged" "this husk cannot stop a guest for a debugger"
	fi
else
	skip "gdb reads a core" "there is no gdb for it"
fi
for reader in readelf eu-readelf; do
	if ! command -v $reader >/dev/null; then
		skip "$reader reads a core" "there is no $reader here"
	else
		$reader -h -l -n "$faulted" >"$T/out" 2>"$T/err" </dev/null
		status=$?
		judge "$reader reads a core" 0 CORE PRSTATUS
		report "and has no complaint" "$(cat "$T/err"; grep -i 'warning\|corrupt' "$T/out")"
	fi
done
if command -v file >/dev/null; then
	report "file(1) knows it" "$(file "$aborted" | grep -v 'ELF 64-bit LSB core file.*from .*exception' | cut -c1-300)"
else
	skip "file(1) knows it" "there is no file here"
fi
report "the note tells why" "$(grep -a -q '"reason":"guest ended with status 255' "$aborted" || echo "it does not")"

# --- what keeps one from being written: one line, and the status stays ---

fails() {
	name=$1 pattern=$2
	judge "$name" 255 "$pattern"
	report "$name: lines" "$([ "$(grep -c dumpcore: "$T/err")" = 2 ] || show "$T/err")"
}
aborting() {
	timeout -s KILL "$LIMIT" sh -c "$1"' exec "$0" "$@"' "$HUSK" --mem=8 --dumpcore="$cores" -- \
		"$(image exception)" --solo5:quiet pagefault >"$T/out" 2>"$T/err" </dev/null
	status=$?
}
: >"$T/precious"
aborting "ln -s '$T/precious' '$cores/core.solo5-hvt.'\$\$;"
fails "a link in its place" 'core.solo5-hvt.[0-9]*: File exists'
report "what it leads to is as it was" "$([ ! -s "$T/precious" ] || echo "it was written to")"
aborting "ulimit -f 100;"
fails "a limit of file sizes" 'writing: File too large: [0-9]* pages of total 2048 pages are in it'
if mkdir "$T/full" && mount -t tmpfs -o size=64k tmpfs "$T/full" 2>/dev/null; then
	cores=$T/full
	aborting ""
	fails "a full disk" 'writing: No space left on device'
	umount "$T/full"
	cores=$T/cores
else
	skip "a full disk" "no file system can be mounted here"
fi
if mkdir "$T/fixed" && mount -t tmpfs -o ro tmpfs "$T/fixed" 2>/dev/null; then
	run --mem=8 --dumpcore="$T/fixed" -- "$(image hello)"
	judge "a directory that cannot be written to" 1 'dumpcore: dir not writable: .*fixed.: Read-only file system'
	umount "$T/fixed"
else
	skip "a directory that cannot be written to" "no file system can be mounted here"
fi
run --mem=8 --dumpcore="$T/none" -- "$(image hello)"
judge "a directory that is not there" 1 'dumpcore: cannot open dir .*none.: No such file .*: make it first'
run --mem=8 --dumpcore="$T/precious" -- "$(image hello)"
judge "a file" 1 'dumpcore: cannot open dir .*precious.: Not a directory'

# --- memory that is elsewhere ---

# sleeper: a guest that sleeps, then SIGQUIT; $pages is how many of its pages the core has.
sleeper() {
	start --mem=8 --dumpcore="$cores" -- "$(image spin)" --solo5:quiet sleep
	within 20 grep -q READY "$T/out"
	"$@"
	kill -QUIT "$started"
	await 20
	pages=$(sed -n 's/.*dumped \([0-9]*\) pages of.*/\1/p' "$T/err")
}

# What it has cannot all be had: the kernel says so, and takes what it can.
swap_out() {
	for attempt in 1 2 3; do echo 16M >"$T/cgroup/guest/memory.reclaim"; done 2>/dev/null
	swapped=$(awk '/VmSwap/ { print $2 }' "/proc/$started/status")
}

# Only in an emulated machine, which scripts/machine has made: another's swap and cgroups are left alone.
swapped() {
	if [ ! -e /machine-command ] || [ ! -w /sys/block/zram0/disksize ] || ! mkdir "$T/cgroup" || ! mount -t cgroup2 none "$T/cgroup" 2>/dev/null; then
		skip "what was swapped out is in the core" "it takes a machine to itself, with zram and cgroups"
		return
	fi
	echo 32M >/sys/block/zram0/disksize && mkswap /dev/zram0 >/dev/null && swapon /dev/zram0
	echo +memory >"$T/cgroup/cgroup.subtree_control"
	mkdir "$T/cgroup/guest"
	# shellcheck disable=SC2016
	printf '%s\n' "echo \$\$ >'$T/cgroup/guest/cgroup.procs'" 'exec "$@"' >"$T/inside"
	sleeper true
	resident=$pages
	start_with="sh $T/inside"
	sleeper swap_out
	start_with=
	if [ "${swapped:-0}" = 0 ]; then
		skip "what was swapped out is in the core" "nothing was"
	else
		echo "# $swapped KiB were swapped out"
		report "what was swapped out is in the core" "$([ "$pages" = "$resident" ] || echo "$pages pages, not $resident")"
	fi
	swapoff /dev/zram0
	rmdir "$T/cgroup/guest"
	umount "$T/cgroup"
}
swapped

# --- size ---

run --mem=2G --dumpcore="$cores" -- "$(image exception)" --solo5:quiet pagefault
judge "2 GiB" 255 'dumped [0-9][0-9]* pages of total 524288 pages'
report "and less than 1 MiB of disk" "$([ "$(du -k "$(core)" | cut -f1)" -lt 1024 ] || du -k "$(core)")"
finish
