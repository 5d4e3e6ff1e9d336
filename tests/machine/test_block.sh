#!/bin/sh
# SPDX-License-Identifier: ISC
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
	[ -z "${loop-}" ] || losetup -d "$loop"
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

# on_requests ARGUMENT...: runs the guest that has many requests at a time.
on_requests() {
	run --mem=2 --block:storage="$T/disk" -- "$(image requests)" "$@"
}

# zeros OFFSET LENGTH: silent if the disk has nothing but them there.
zeros() {
	tail -c +"$(($1 + 1))" "$T/disk" | head -c "$2" | cmp -n "$2" - /dev/zero 2>&1
}

# copies OFFSET LENGTH BYTE: silent if the disk has nothing but that byte there.
copies() {
	tail -c +"$(($1 + 1))" "$T/disk" | head -c "$2" | tr -d "$3" | head -c 1 | tr -c '' '?'
}

# survives NAME IMAGE WORD...: the guest says WAITING after its writes, and nobody has time to end anything.
survives() {
	name=$1 writer=$2
	shift 2
	start --mem=2 --block:storage="$T/disk" -- "$(image "$writer")" "$@"
	within 20 grep -q WAITING "$T/out" || echo "# the guest did not come to its end"
	started_kill
	within 20 ended
	report "$name" "$(printed WAITING || echo "it did not write")"
}

requests() {
	rm -f "$T/disk"
	pattern 0 65536 >"$T/disk"
	on_requests work flush work
	succeeds "32 requests at a time"
	pattern 0 65536 >"$T/disk"
	on_requests zeroes 4096 8192 flush
	succeeds "zeroes and a flush"
	report "they are in the file" "$(zeros 4096 8192; holds 0 4096; holds 12288 53248)"
	on_requests discard 16384 32768
	succeeds "a discard"
	report "nothing else is lost" "$(holds 0 4096; holds 49152 16384)"
	survives "writes that came back are in the file, though the monitor is killed" disk write 4096 40000 wait
	report "all of them" "$(holds 4096 40000)"
	survives "and writes of a queue" requests zeroes 0 4096 write 12288 4096 stay
	report "all of those" "$(zeros 0 4096; holds 4096 8192; copies 12288 4096 W)"
	pattern 0 65536 >"$T/disk"
	run --mem=2 --block-ro:storage="$T/disk" -- "$(image requests)" denied
	succeeds "a read-only disk refuses what changes it"
	report "and nothing is" "$(holds 0 4096)"
	run --mem=2 --block:storage="$T/disk" --stats -- "$(image requests)" work
	judge "doorbells are few" 0 'block:storage.doorbells *20$' 'block:storage.requests *640$'
	if [ -n "${SOLO5_HVT-}" ]; then
		pattern 0 65536 >"$T/disk"
		"$SOLO5_HVT" --mem=2 --block:storage="$T/disk" "$(image requests)" plain \
			>"$T/out" 2>"$T/err" </dev/null
		status=$?
		succeeds "without queues, under another monitor"
		"$SOLO5_HVT" --mem=16 --block:storage="$T/disk" "$(image blk)" >"$T/out" 2>"$T/err" </dev/null
		status=$?
		succeeds "many blocks at once, and what was read ahead, under another monitor"
	fi
}

hostile_requests() {
	pattern 0 65536 >"$T/disk"
	for way in type beyond wrap short odd discard-wrap zero-flags; do
		run --mem=2 --block:storage="$T/disk" -- "$(image hostile_requests)" $way
		succeeds "a request that is wrong ($way) is refused"
	done
	for way in 'no-status:has no byte for a status' 'outside:Invalid guest access' 'loop:comes twice in one chain' \
		'into-text:image segment'; do
		run --mem=2 --block:storage="$T/disk" -- "$(image hostile_requests)" "${way%%:*}"
		judge "a chain that is impossible (${way%%:*})" 1 "block device storage, queue 0: .*${way#*:}"
	done
	report "the disk is as it was" "$(holds 0 65536)"
	run --mem=2 --block:storage="$T/disk" -- "$(image hostile_requests)" none
	succeeds "one that is right"
}

# A request of any size is moved piece by piece.
stopped_within() {
	if [ "$(awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo)" -lt 2048 ]; then
		skip "a stop within a request" "less than 2 GiB of memory"
		return
	fi
	disk 1073741824
	start --mem=1100 --block-ro:storage="$T/disk" -- "$(image disk)" huge 1024
	within 20 grep -q WAITING "$T/out" || echo "# the guest did not start"
	sleep 0.3
	kill -TERM "$started"
	await 1
	judge "a stop within a request of 1 GiB" 1 'Exiting on signal 15'
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
	mkfifo "$T/pipe"
	for bad in @5 @ @x @-1 @99999999999 "$T" "$T/nowhere" /dev/null; do
		run --mem=2 --block:storage="$bad" -- "$(image disk)"
		case $bad in
		@*) judge "--block:storage=$bad" 1 '^husk.*: device storage: descriptor' ;;
		*) judge "--block:storage=${bad#"$T"}" 1 '^husk.*: device storage: Could not open block device' ;;
		esac
	done
	run --mem=2 --block:storage="$T/nowhere" -- "$(image disk)"
	judge "a file that is not there can be made" 1 "\`truncate -s SIZE $T/nowhere' makes one"
	run --mem=2 --block:storage="$T/pipe" -- "$(image disk)"
	judge "a FIFO is no disk, and nobody waits for its other end" 1 'pipe: a FIFO, neither a file nor a block device'
}

# --- what is inherited ------------------------------------------------------------------------------------------------

# held HOW OPTION [ARGUMENT]...: a run with the disk as descriptor 5, opened and locked as HOW says.
held() {
	how=$1 option=$2
	shift 2
	timeout -s KILL "$LIMIT" "$BUILD/obj/tests/machine/hold" "$how" "$T/disk" "$HUSK" --mem=2 "$option:storage=@5" \
		"$@" >"$T/out" 2>"$T/err" </dev/null
	status=$?
}

# whatever STATUS PATTERN HOW OPTION: what becomes of a run, a dry run and a check; they change nothing.
whatever() {
	wanted_status=$1 pattern=$2 how=$3 option=$4
	cp "$T/disk" "$T/before"
	held "$how" "$option" -- "$(image disk)" read 512 512
	judge "descriptor '$how', $option" "$wanted_status" "$pattern"
	held "$how" "$option" --dry-run -- "$(image disk)"
	judge "descriptor '$how', $option --dry-run" "$wanted_status"
	held "$how" "$option" --check -- "$(image disk)"
	judge "descriptor '$how', $option --check" "$wanted_status"
	report "the disk is as it was" "$(cmp "$T/disk" "$T/before" 2>&1)"
}

inherited() {
	if [ ! -x "$BUILD/obj/tests/machine/hold" ]; then
		skip "inherited descriptors" "the program that hands them down is not built"
		return
	fi
	disk 65536
	on_disk write 512 512
	for how in - e n s ne; do
		whatever 0 . "$how" --block
		whatever 0 . "$how" --block-ro
	done
	whatever 1 'holds a shared lock' h --block
	whatever 0 . h --block-ro
	whatever 1 'open for appending (O_APPEND)' a --block
	whatever 0 . a --block-ro
	whatever 1 'not open for reading' w --block-ro
	whatever 1 'not open for writing' r --block
	held d --block -- "$(image disk)" write 777 5000 read 777 5000
	if [ "$status" = 98 ]; then
		skip "a descriptor with O_DIRECT" "the file system has no such thing"
	else
		succeeds "a descriptor with O_DIRECT, transfers of any alignment"
	fi
	not_ours
}

# The starter may open what the monitor may not.
not_ours() {
	if ! chown 65534 "$T/disk" 2>/dev/null; then
		skip "a file that only the starter may open" "cannot give files away"
		return
	fi
	chmod 600 "$T/disk"
	# Without its capabilities the monitor may not go where the images are either, if that is private.
	cp "$(image disk)" "$T/disk.hvt"
	images=$GUESTS GUESTS=$T
	held c --block -- "$(image disk)" write 0 512 read 0 512
	succeeds "a file that only the starter may open"
	report "the bytes are in the file" "$(holds 0 512)"
	whatever 0 . ce --block
	whatever 1 'O_DIRECT' cd --block
	GUESTS=$images
}

# --- one file, two roles ----------------------------------------------------------------------------------------------

# twice NAME: the run was refused, and the disk is as it was.
twice() {
	judge "$1" 1
	report "the disk is as it was" "$(cmp "$T/disk" "$T/before" 2>&1)"
}

two_roles() {
	disk 65536
	cp "$T/disk" "$T/before"
	: >"$T/out"
	for option in --block --block-ro; do
		for where in "$T/disk" @1; do
			timeout -s KILL "$LIMIT" "$HUSK" --mem=2 $option:storage="$where" -- "$(image disk)" \
				1<>"$T/disk" 2>"$T/err" </dev/null
			status=$?
			twice "$option:storage=${where#"$T/"}, where the console goes"
			judge "the user is told" 1 "the file of the guest's console"
		done
	done
	for how in --dry-run --check; do
		timeout -s KILL "$LIMIT" "$HUSK" --mem=2 --block:storage="$T/disk" $how -- "$(image disk)" \
			1<>"$T/disk" 2>"$T/err" </dev/null
		status=$?
		twice "where the console goes, $how"
		report "the user is told" "$([ -s "$T/err" ] || echo "nothing was printed")"
	done
	timeout -s KILL "$LIMIT" "$HUSK" --mem=2 --block:storage="$T/disk" -- "$(image disk)" \
		>"$T/out" 2<>"$T/disk" </dev/null
	status=$?
	: >"$T/err"
	twice "where messages go"
	judge "the user is told where there is something else" 1 'the file of standard error'
	timeout -s KILL "$LIMIT" "$HUSK" --mem=2 --block:storage="$T/disk" -- "$(image disk)" \
		1<>"$T/disk" 2<>"$T/disk" </dev/null
	status=$?
	twice "where all goes"
	exec 7<>"$T/disk"
	run --mem=2 --block:storage="$T/disk" --stats-to=@7 -- "$(image disk)"
	exec 7>&-
	twice "where the figures go"
	judge "the user is told" 1 'the file of --stats-to'
	for place in "$T/disk" @7; do
		run --check --block:storage="$T/disk" --stats-to="$place" -- "$(image disk)" 7<>"$T/disk"
		judge "--check tells it too, as ${place##*/}" 1 'FAIL .*the file of --stats-to'
	done
	timeout -s KILL "$LIMIT" "$HUSK" --mem=2 --block:storage="$T/disk" -- "$(image disk)" write 0 512 \
		1<"$T/disk" 2>"$T/err" </dev/null
	status=$?
	judge "a descriptor that cannot be written harms nobody" 0
	cp "$(image disk)" "$T/disk.hvt"
	dd if=/dev/null of="$T/disk.hvt" bs=1 seek=1048576 2>/dev/null
	run --mem=2 --block:storage="$T/disk.hvt" -- "$T/disk.hvt" read 0 512
	judge "the image itself, to write" 1 'its disk is the image that is to run'
	run --mem=2 --block-ro:storage="$T/disk.hvt" --dry-run -- "$T/disk.hvt"
	judge "the image itself, to read" 0
}

# --- block devices ----------------------------------------------------------------------------------------------------

loop=
block_devices() {
	disk 4194304
	loop=$(losetup -f --show "$T/disk" 2>/dev/null)
	if [ -z "$loop" ] || ! mknod "$T/node" b "0x$(stat -c %t "$loop")" "0x$(stat -c %T "$loop")" 2>/dev/null; then
		skip "block devices" "cannot make one"
		return
	fi
	run --mem=2 --block:storage="$T/node" -- "$(image disk)" write 777 5000 read 777 5000
	succeeds "a block device"
	start --mem=2 --block:storage="$T/node" -- "$(image disk)" wait
	within 20 grep -q WAITING "$T/out" || echo "# the guest that should hold the device did not start"
	for other in "$T/node" "$loop" "$T/disk"; do
		for option in --block --block-ro; do
			timeout -s KILL "$LIMIT" "$HUSK" --mem=2 $option:storage="$other" --dry-run -- "$(image disk)" \
				>"$T/out2" 2>"$T/err" </dev/null
			status=$?
			judge "$option:storage=${other#"$T/"}, which is another's by another name" 1 'in use by another'
		done
	done
	printf Z | dd of="$loop" conv=notrunc bs=1 2>/dev/null
	await 20
	succeeds "its user did not notice"
	mounted_device
	run --mem=2 --block:storage="$loop" --dry-run -- "$(image disk)"
	judge "it is free again afterwards" 0
	device_set_read_only
	device_requests
	losetup -d "$loop"
	loop=
	device_of_large_blocks
}

# on_device ARGUMENT...: confined, and with the calls that a device needs in place of a file's.
on_device() {
	run --mem=2 --block:storage="$loop" --stats -- "$(image requests)" "$@"
}

# What the device has is in its file when nobody has it open.
fill_device() {
	pattern 0 65536 | dd of="$loop" conv=notrunc,fsync bs=65536 iflag=fullblock 2>/dev/null
}

blocks_of_file() {
	sync "$T/disk" 2>/dev/null || sync
	stat -c %b "$T/disk"
}

device_requests() {
	fill_device
	on_device work flush work
	judge "32 requests at a time to a block device" 0 SUCCESS 'block:storage.errors *0$' \
		'block:storage.zeroes *[1-9]'
	fill_device
	on_device zeroes 4096 8192 flush
	judge "zeroes and a flush" 0 SUCCESS 'block:storage.zeroes *1$' 'block:storage.flushes *1$'
	report "they are on the device" "$(zeros 4096 8192; holds 0 4096; holds 12288 53248)"
	before=$(blocks_of_file)
	on_device discard 16384 32768
	judge "a discard" 0 SUCCESS 'block:storage.discards *1$'
	report "nothing else is lost" "$(zeros 4096 8192; holds 0 4096; holds 12288 4096; holds 49152 16384)"
	if [ "$(cat "/sys/block/${loop#/dev/}/queue/discard_max_bytes" 2>/dev/null || echo 0)" -eq 0 ]; then
		skip "the host has the space back" "the device has no use for a discard"
	else
		after=$(blocks_of_file)
		report "the host has the space back" "$([ "$after" -lt "$before" ] || echo "$before blocks, then $after")"
	fi
	run --mem=2 --block-ro:storage="$loop" -- "$(image requests)" denied
	succeeds "a read-only device refuses what changes it"
}

# Where a sector is no block of the device's, its ioctls cannot do it.
device_of_large_blocks() {
	loop=$(losetup -f --show -b 4096 "$T/disk" 2>/dev/null)
	if [ -z "$loop" ]; then
		skip "a device with blocks of 4096 bytes" "cannot make one"
		return
	fi
	fill_device
	on_device zeroes 512 1024 discard 8192 512 write 16384 512 flush
	succeeds "sectors of a device with blocks of 4096 bytes"
	report "zeroes are there" "$(zeros 512 1024; holds 0 512; holds 1536 6656)"
	report "and what was written" "$(copies 16384 512 W; holds 16896 4096)"
	losetup -d "$loop"
	loop=
}

device_set_read_only() {
	if ! blockdev --setro "$loop" 2>/dev/null; then
		skip "a device that is set read-only" "cannot set one"
		return
	fi
	run --mem=2 --block:storage="$loop" --check -- "$(image disk)"
	judge "a device that is set read-only" 1 '--block-ro attaches it without writing'
	run --mem=2 --block-ro:storage="$loop" --dry-run -- "$(image disk)"
	judge "the same, read-only" 0
	blockdev --setrw "$loop"
}

mounted_device() {
	mkdir "$T/mnt"
	if ! mkfs.ext2 -q "$loop" 2>/dev/null || ! mount "$loop" "$T/mnt" 2>/dev/null; then
		skip "a device that is mounted" "cannot mount one"
		return
	fi
	mounted=$T/mnt
	for how in --check --dry-run; do
		run --mem=2 --block:storage="$T/node" $how -- "$(image disk)"
		judge "a device that is mounted, $how" 1 'mounted or in use by another program'
		run --mem=2 --block-ro:storage="$T/node" $how -- "$(image disk)"
		judge "the same, read-only" 0
	done
	exec 5<>"$loop"
	run --mem=2 --block:storage=@5 -- "$(image disk)"
	judge "a device that is mounted, inherited" 1 'mounted or in use by another program'
	exec 5>&-
	umount "$mounted"
	mounted=
}

# --- a slow disk ------------------------------------------------------------------------------------------------------

SLOW=nullb1			# the module makes nullb0 by itself

# slow_disk: makes one, each request to which takes 20 ms, however many there are.
slow_disk() {
	nullb=/sys/kernel/config/nullb/$SLOW
	[ -e /machine-command ] && { [ -d "${nullb%/*}" ] || mount -t configfs none /sys/kernel/config; } 2>/dev/null &&
		mkdir "$nullb" 2>/dev/null || return 1
	for setting in size=4 memory_backed=1 irqmode=2 completion_nsec=20000000 power=1; do
		echo "${setting#*=}" >"$nullb/${setting%%=*}" || return 1
	done
}

# In ms: what reads have taken, all together, and for how long any request was under way.
slow_disk_times() {
	awk '{ print $4, $10 }' "/sys/block/$SLOW/stat"
}

slow_reads() {
	if ! slow_disk; then
		skip "a slow disk works on many reads at once" "it takes a machine to itself, with null_blk and configfs"
		return
	fi
	run --mem=2 --block:storage=/dev/$SLOW -- "$(image requests)" scatter
	succeeds "a slow disk is written"
	before=$(slow_disk_times)	# what was written is not in the page cache: nobody has it open
	run --mem=2 --block:storage=/dev/$SLOW --stats -- "$(image requests)" gather
	judge "of 32 reads that come together, it is told of all but the first" 0 SUCCESS \
		'block:storage.told_ahead *31$'
	# shellcheck disable=SC2046,SC2086 # numbers
	set -- $before $(slow_disk_times)
	report "and works on many at once" \
		"$([ $(($3 - $1)) -ge $((3 * ($4 - $2))) ] || echo "reads of $(($3 - $1)) ms took $(($4 - $2))")"
	echo "# 32 reads of 20 ms kept the disk busy for $(($4 - $2)) ms"
	echo 0 >"$nullb/power"
	rmdir "$nullb"
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
	within 20 grep -q WAITING "$T/out" || echo "# the guest that should hold the disk did not start"
}

let_go() {
	printf Z | dd of="$T/disk" conv=notrunc bs=1 2>/dev/null
	await 20
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
	within 20 grep -q WAITING "$T/out"
	dd if=/dev/null of="$T/disk" bs=1 seek=4096 2>/dev/null
	let_go
	succeeds "a file that becomes shorter: reading fails, the guest goes on"
	report "the user is told once" "$([ "$(grep -c 'storage' "$T/err")" -eq 1 ] || echo "not one line about it")"
}

removed() {
	disk 65536
	start --mem=2 --block:storage="$T/disk" -- "$(image disk)" wait write 512 5120 read 512 5120
	within 20 grep -q WAITING "$T/out"
	exec 7<>"$T/disk"
	rm "$T/disk"
	printf Z >&7
	exec 7>&-
	await 20
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
	judge "and the user is told" 0 'storage: writing at offset 49152: .*ulimit -f'
	judge "before it happens too" 0 'storage: only 8192 of its 65536 bytes can be written'
	(
		ulimit -f 16
		run --mem=2 --check --block:storage="$T/disk" -- "$(image disk)"
		exit "$status"
	)
	status=$?
	judge "and by --check" 0 '^note block device storage: only 8192 of its 65536 bytes can be written'
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
	run --mem=2 --check --block:storage="$T/small/disk" -- "$(image disk)"
	judge "the next one is told before it begins" 0 '^note block device storage: it has holes, and its file system is full'
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
requests
hostile_requests
stopped_within
attaching
inherited
two_roles
block_devices
slow_reads
read_only
locks
truncated
removed
limited
full
no_output
finish
