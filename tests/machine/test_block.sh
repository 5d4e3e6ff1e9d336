#!/bin/sh
# test_block.sh: block devices: what guests can do with them, and what happens when the host's side goes wrong.
set -u

# shellcheck source=tests/machine/lib.sh
. "${SRC:-$(dirname "$0")/../..}/tests/machine/lib.sh"
need_guests
need_hypervisor

mounted=
# shellcheck disable=SC2317 # called on the way out
cleanup() {
	[ -z "$mounted" ] || umount "$mounted"
}

# disk BYTES: a fresh $T/disk, full of zeros and without blocks.
disk() {
	rm -f "$T/disk"
	dd if=/dev/null of="$T/disk" bs=1 seek="$1" 2>/dev/null
}

# on_disk COMMAND...: runs the guest that makes raw transfers.
on_disk() {
	run --mem=2 --block:storage="$T/disk" -- "$(image disk)" "$@"
}

# --- the interface ----------------------------------------------------------------------------------------------------

interface() {
	disk 4194304
	run --mem=4096 --block:storage="$T/disk" -- "$(image blk)"
	succeeds "blocks of 512 bytes"
	report "the last of them is in the file" "$(tail -c 512 "$T/disk" | same_bytes)"
	disk 4194304
	run --mem=4096 --block:storage="$T/disk" --block-sector-size:storage=4096 -- "$(image blk)"
	succeeds "blocks of 4096 bytes"
	report "the last of them is in the file" "$(tail -c 4096 "$T/disk" | same_bytes)"
	disk 65536
	run --mem=2 --block-sector-size:storage=32768 --block:storage="$T/disk" -- "$(image blk)"
	succeeds "blocks of 32768 bytes, the size said before the file"
	disk 512
	on_disk write 0 512 read 0 512
	succeeds "a disk of one block"
	most_devices
}

# Silent if all bytes of the input are one digit.
same_bytes() {
	kinds=$(fold -w 1 | sort -u | tr -d '\n')
	case $kinds in
	[0-9]) ;;
	*) echo "the bytes are '$kinds'" ;;
	esac
}

most_devices() {
	set --
	for i in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 \
		38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62; do
		dd if=/dev/null of="$T/disk$i" bs=1 seek=4096 2>/dev/null
		set -- "$@" "--block:storage$i=$T/disk$i"
	done
	run --mem=4096 "$@" -- "$(image maxdevices)"
	succeeds "63 devices"
	rm -f "$T"/disk?*
}

geometry() {
	disk 6144
	run --block:storage="$T/disk" --block-sector-size:storage=4096 -- "$(image blk)"
	judge "a file of one block and a half" 1 'Backing storage size must be block aligned'
	disk 0
	on_disk
	judge "an empty file" 1 'Backing storage must be at least 1 block'
	disk 4194304
	for size in 521 66048 65536 0 junk 512x -512 1e3; do
		run --block:storage="$T/disk" --block-sector-size:storage="$size" -- "$(image blk)"
		judge "blocks of '$size' bytes" 1 'Block size must be a multiple of 2'
	done
	run --block:storage="$T/disk" --block-sector-size:storage=256 -- "$(image blk)"
	judge "blocks of 256 bytes" 1 'Block size must be a multiple of 2 greater than or equal 512'
}

# --- transfers of any size at any place -------------------------------------------------------------------------------

# The bytes that the guest writes at an offset.
pattern() {
	awk -v from="$1" -v n="$2" 'BEGIN { for (i = from; i < from + n; i++) printf "%c", 65 + i % 23 }'
}

# holds OFFSET LENGTH: silent if the disk has the pattern there.
holds() {
	pattern "$1" "$2" >"$T/wanted"
	tail -c +"$(($1 + 1))" "$T/disk" | head -c "$2" | cmp - "$T/wanted" 2>&1
}

transfers() {
	disk 16384
	on_disk write 777 5000 read 777 5000
	succeeds "5000 bytes at 777"
	report "they are in the file" "$(holds 777 5000)"
	on_disk read 1000 4000
	succeeds "another run reads them"
	on_disk write 0 16384 read 1 16383 read 16383 1
	succeeds "the whole disk at once"
	report "it is in the file" "$(holds 0 16384)"
	on_disk write 16383 2
	judge "past the end" 12
	on_disk write 15872 1024
	judge "across the end" 12
	report "the file has not grown" "$([ "$(wc -c <"$T/disk")" -eq 16384 ] || echo "it is larger than 16384 bytes")"
}

# --- ways to name a disk ----------------------------------------------------------------------------------------------

attaching() {
	disk 65536
	cp "$T/disk" "$T/a disk, with = and : in its name"
	run --mem=2 --block:storage="$T/a disk, with = and : in its name" -- "$(image disk)" write 0 512
	succeeds "a path with spaces and punctuation"
	exec 5<>"$T/disk"
	run --mem=2 --block:storage=@5 -- "$(image disk)" write 100 50
	succeeds "an inherited descriptor"
	report "the bytes are in its file" "$(holds 100 50)"
	run --mem=2 --block:storage=@5 -- "$(image disk)" read 100 50
	succeeds "the same descriptor once more"
	exec 5<"$T/disk"
	run --mem=2 --block:storage=@5 -- "$(image disk)" read 100 50
	judge "a descriptor that is not open for writing" 1 'not open for writing'
	run --mem=2 --block-ro:storage=@5 -- "$(image disk)" read 100 50
	succeeds "the same, read-only"
	exec 5>&-
	for bad in @5 @ @x @-1 @99999999999 "$T" "$T/nowhere" /dev/null; do
		run --mem=2 --block:storage="$bad" -- "$(image disk)"
		case $bad in
		@*) judge "--block:storage=$bad" 1 '^husk.*: ' ;;
		*) judge "--block:storage=${bad#"$T"}" 1 'Could not open block device' ;;
		esac
	done
	mkfifo "$T/pipe"
	run --mem=2 --block:storage="$T/pipe" -- "$(image disk)"
	judge "a FIFO is no disk, and nobody waits for its other end" 1 'Could not open block device'
}

read_only() {
	disk 65536
	on_disk write 0 512
	cp "$T/disk" "$T/before"
	run --mem=2 --block-ro:storage="$T/disk" -- "$(image disk)" unwritable 0 unwritable 512 read 0 512
	succeeds "a read-only disk can be read, and writing fails"
	judge "the user is told why" 0 'read-only'
	report "once" "$([ "$(grep -c 'read-only' "$T/err")" -eq 1 ] || echo "more than once")"
	report "the file is as it was" "$(cmp "$T/disk" "$T/before" 2>&1)"
}

# --- two monitors, one disk -------------------------------------------------------------------------------------------

# holding OPTION: a guest that keeps the disk until let_go.
holding() {
	printf A | dd of="$T/disk" conv=notrunc bs=1 2>/dev/null
	start --mem=2 "$1:storage=$T/disk" -- "$(image disk)" wait
	within 10 grep -q WAITING "$T/out" || echo "# the guest that should hold the disk did not start"
}

let_go() {
	printf Z | dd of="$T/disk" conv=notrunc bs=1 2>/dev/null
	await 10
}

# meanwhile OPTION COMMAND...: a run that leaves the one in the background alone.
meanwhile() {
	option=$1
	shift
	timeout -s KILL "$LIMIT" "$HUSK" --mem=2 "$option:storage=$T/disk" -- "$(image disk)" "$@" \
		>"$T/out2" 2>"$T/err2" </dev/null
	status=$?
	cat "$T/out2" >>"$T/out"
	cat "$T/err2" >>"$T/err"
}

locks() {
	disk 65536
	on_disk write 512 512
	holding --block
	meanwhile --block read 512 512
	judge "a disk that another monitor writes is refused" 1 'in use by another process'
	meanwhile --block-ro read 512 512
	judge "to readers also" 1 'in use by another process'
	let_go
	succeeds "the first monitor did not notice"
	on_disk read 512 512
	succeeds "it is free again afterwards"
	holding --block-ro
	meanwhile --block-ro read 512 512
	judge "readers can share" 0 SUCCESS
	meanwhile --block read 512 512
	judge "but not with a writer" 1 'in use by another process'
	let_go
	succeeds "the first reader did not notice"
}

# --- a host that fails ------------------------------------------------------------------------------------------------

truncated() {
	disk 65536
	start --mem=2 --block:storage="$T/disk" -- "$(image disk)" wait unreadable 32768 unreadable 65024 \
		write 0 512 read 0 512
	within 10 grep -q WAITING "$T/out"
	dd if=/dev/null of="$T/disk" bs=1 seek=4096 2>/dev/null
	let_go
	succeeds "a file that becomes shorter: reading fails, the guest goes on"
	report "the user is told once" "$([ "$(grep -c 'storage' "$T/err")" -eq 1 ] || echo "not one line about it")"
}

removed() {
	disk 65536
	start --mem=2 --block:storage="$T/disk" -- "$(image disk)" wait write 512 5120 read 512 5120
	within 10 grep -q WAITING "$T/out"
	exec 7<>"$T/disk"
	rm "$T/disk"
	printf Z >&7
	exec 7>&-
	await 10
	succeeds "a file that is removed stays the guest's"
}

limited() {
	disk 65536
	(
		ulimit -f 16
		on_disk write 0 512 unwritable 49152 unwritable 65024 read 0 512
		exit "$status"
	)
	status=$?
	succeeds "a limit on the size of files: writing fails, the guest goes on"
	judge "and the user is told" 0 'storage'
}

full() {
	mkdir "$T/small"
	if ! mount -t tmpfs -o size=8k tmpfs "$T/small" 2>/dev/null; then
		skip "a full file system" "cannot mount one"
		return
	fi
	mounted=$T/small
	dd if=/dev/null of="$T/small/disk" bs=1 seek=65536 2>/dev/null
	run --mem=2 --block:storage="$T/small/disk" -- "$(image disk)" write 0 8192 unwritable 49152 read 0 8192
	succeeds "a full file system: writing fails, the guest goes on"
	judge "and the user is told" 0 'No space left on device'
}

# Without standard output the disk's descriptor might become it.
no_output() {
	disk 65536
	cp "$T/disk" "$T/before"
	for closed in 0 1 2 01 12 012; do
		# shellcheck disable=SC2016 # the inner shell expands them
		timeout -s KILL "$LIMIT" sh -c '
			case $1 in *0*) exec 0<&- ;; esac
			case $1 in *2*) exec 2>&- ;; esac
			case $1 in *1*) exec 1>&- ;; esac
			shift
			exec "$@"' sh $closed "$HUSK" --mem=2 --block:storage="$T/disk" -- "$(image disk)" unreadable 0 \
			>"$T/out" 2>"$T/err" </dev/null
		status=$?
		judge "a run with descriptors closed: $closed" 18
		report "what is printed does not land on the disk" "$(cmp "$T/disk" "$T/before" 2>&1)"
	done
}

interface
geometry
transfers
attaching
read_only
locks
truncated
removed
limited
full
no_output
finish
