#!/bin/sh
# SPDX-License-Identifier: ISC
# test_runtime.sh: what runs while a guest does calls nothing that allocates, opens, maps or starts.
#
# From the objects of the build in $BUILD, each function a section of its own: whoever is named in a
# section's relocations may be called by it, or is handed to somebody who may. Tables of functions are
# taken for called if they are what the run loop and its threads are given; those of a module's life are
# not, as they are for loading and for the end.
set -u

objects=${BUILD:-.}/obj/monitor
[ -e "$objects/core.o" ] || { echo "1..0 # SKIP nothing is built: $objects/core.o" && exit 0; }
command -v readelf >/dev/null || { echo "1..0 # SKIP there is no readelf" && exit 0; }
grep -q '^SANITIZE := .' "${BUILD:-.}/config.mk" && { echo "1..0 # SKIP sanitizers add calls" && exit 0; }
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

# What the C library has for that, and what makes another process or program.
cat >"$tmp/never" <<'END'
aligned_alloc calloc malloc posix_memalign realloc reallocarray strdup strndup asprintf vasprintf getline getdelim
creat fdopen fmemopen fopen fopen64 fopencookie freopen open open64 open_memstream openat openat64 opendir tmpfile
memfd_create mmap mmap64 mprotect mremap pkey_mprotect shm_open shmat
accept accept4 bind connect epoll_create epoll_create1 eventfd inotify_init listen pipe pipe2 signalfd socket socketpair
timerfd_create
clone execl execle execlp execv execve execvp fexecve fork popen posix_spawn posix_spawnp pthread_create system vfork
chdir chmod chown kill link mkdir mknod mount ptrace rename rmdir setns symlink truncate unlink unlinkat unshare
dlopen getaddrinfo gethostbyname getpwnam getpwuid setlocale sleep strerror_l syslog
END

# Each with who is the reason, and why it is none to worry about: SECURITY.md has those that are made.
cat >"$tmp/known" <<'END'
open output_open_again	a pipe of the console's, for a write that does not wait; before that in the sandbox
open reattach		a tap, where /dev/net/tun could not be kept; refused in the sandbox
socket open_connection	a stream that was closed; to the address in a sealed page
connect peer_connect	the same
socket unix_socket_connect	a socket device's connection to the host, --vsock with connect or uds
connect unix_place_connect	the same
accept4 gdb_listener_accept	a debugger that comes later
accept4 unix_socket_accept	a program that connects to a socket device
END

# Where it all begins: the run loop, the backend as far as the loop uses it, every thread, and who is called
# by an address that a function has put where it is called from.
cat >"$tmp/roots" <<'END'
core_run hv_kvm:kvm_run hv_kvm:kvm_complete hv_kvm_kick hv_kvm_own hv_kvm_disown
io_thread:run core:tell_call hypercall:solo5_window hypercall:husk_window
net/ring_thread:on_io_failed gdb/watch:alarm_owner
queues:on_doorbell queues:queue_call queues:describe block/queue:ready vsock/serve:source_fd vsock/serve:source_ready vsock/serve:on_alarm
vsock/host_calls:guest_host_calls
END

# What a table of such functions has for the time before the guest runs.
cat >"$tmp/before" <<'END'
hv_kvm_try_points
END

cat >"$tmp/graph.awk" <<'AWK'
# What a section is of: without its kind, and without what compilers append to parts of functions.
function plain(section) {
	sub(/^[.](text[.](unlikely|startup|hot)|text|data[.]rel[.]ro[.]local|data[.]rel[.]ro|data[.]rel[.]local|data[.]rel|data|rodata|bss)[.]/,
		"", section)
	sub(/[.]cold([.][0-9]+)?$/, "", section)
	return section
}
# Names that are no other file's have the file before them.
function node(of, name) {
	return (name in global) || !((of, name) in defined) ? name : of ":" name
}
# Tables that lead to loading, options or the end, or back to the library's user.
function is_root(table) {
	sub(/^.*:/, "", table)
	return table ~ /(clients?|ops[.0-9]*|calls|own[.0-9]*|doorbells|registers|debug|commands|tap|reading|writing|ask_guest|form_[a-z]*)$/ &&
		table !~ /^(module_|device_ops)/
}
FILENAME == never { for (i = 1; i <= NF; i++) forbidden[$i] = 1; next }
FILENAME == known { expected[$1, $2] = 1; next }
FILENAME == before { for (i = 1; i <= NF; i++) earlier[$i] = 1; next }
FILENAME == roots { for (i = 1; i <= NF; i++) root[$i] = 1; next }
/^File: / { file = substr($2, length(objects) + 2); sub(/[.]o$/, "", file); files[file] = 1; next }
/^Relocation section '[.]rela?[.]/ {
	from = $3
	gsub(/'/, "", from)
	sub(/^[.]rela?/, "", from)
	if (from ~ /^[.](debug|eh_frame|note|ctf)/)
		from = ""
	else
		defined[file, plain(from)] = 1
	next
}
/^Relocation section/ || /^Symbol table/ { from = ""; next }
$5 == "GLOBAL" && $7 != "UND" && ($4 == "FUNC" || $4 == "OBJECT") { global[$8] = 1; next }
$4 == "SECTION" && $8 ~ /^[.](text|data|rodata|bss)/ { defined[file, plain($8)] = 1; next }
from != "" && NF >= 5 && $1 ~ /^[0-9a-f]+$/ {
	if (from == ".text" || from == ".data")
		one_section = file
	of[++n] = file; source[n] = from; target[n] = plain($5)
}
END {
	for (i = 1; i <= n; i++) {
		a = node(of[i], plain(source[i]))
		edges[a] = edges[a] " " node(of[i], target[i])
		if (source[i] ~ /^[.]data/ && is_root(a))
			root[a] = 1
	}
	for (r in root) {
		whole = split(r, part, ":") == 1
		if (whole ? !(r in global) : (part[1] in files) && !((part[1], part[2]) in defined))
			print "missing " r
		begin = whole || !(part[2] in global) ? r : part[2]
		reached[begin] = r
		queue[++last] = begin
	}
	while (first < last) {
		count = split(edges[queue[++first]], to, " ")
		for (i = 1; i <= count; i++) {
			caller = queue[first]
			sub(/^.*:/, "", caller)
			sub(/[.](constprop|isra|part)[.0-9a-z]*$/, "", caller)
			if (to[i] in earlier)
				continue
			if (to[i] in forbidden) {
				if (!((to[i], caller) in expected))
					print "call " caller " " to[i] " from " reached[queue[first]]
				used[to[i], caller] = 1
			}
			if (!(to[i] in reached)) {
				reached[to[i]] = reached[queue[first]]
				queue[++last] = to[i]
			}
		}
	}
	print "functions " last
	if (one_section != "")
		print "whole " one_section
}
AWK

find "$objects" -name '*.o' ! -name 'main*' -exec readelf -rsW {} + 2>/dev/null |
	awk -v objects="$objects" -v never="$tmp/never" -v known="$tmp/known" -v roots="$tmp/roots" \
		-v before="$tmp/before" -f "$tmp/graph.awk" "$tmp/never" "$tmp/known" "$tmp/before" "$tmp/roots" - >"$tmp/found"

number=0
# empty NAME PATTERN: what was found has no line like it.
empty() {
	number=$((number + 1))
	if grep -e "$2" "$tmp/found" >"$tmp/log"; then
		echo "not ok $number - $1"
		sed 's/^/# /' "$tmp/log"
	else
		echo "ok $number - $1"
	fi
}

empty "nothing that runs with the guest allocates, opens, maps or starts anything" '^call '
empty "what it begins with is there" '^missing '
empty "every function has a section of its own" '^whole '
number=$((number + 1))
functions=$(sed -n 's/^functions //p' "$tmp/found")
if [ "${functions:-0}" -gt 300 ]; then
	echo "ok $number - it was followed through $functions functions, tables and calls"
else
	echo "not ok $number - it was followed through ${functions:-0} functions only"
fi
echo "1..$number"
