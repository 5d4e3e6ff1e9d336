# SPDX-License-Identifier: ISC
# shellcheck shell=sh
# lib.sh: what the scripts share: a directory below build/ that one run at a time has, whoever runs it.
#
# Sourced. From the caller: $src, the source tree.

# hand_back: what root has made in somebody's tree is the owner's of the tree.
# shellcheck disable=SC2154 # the caller says src
hand_back() {
	[ "$(id -u)" -ne 0 ] || chown -h -R --reference="$src" "$src/build" "$@" 2>/dev/null
}

# work_directory NAME: sets $top to build/NAME, where this user can write.
work_directory() {
	top=$src/build/$1
	if mkdir -p "$top" 2>/dev/null && [ -w "$top" ] && : 2>/dev/null >>"$top/lock"; then
		return 0
	fi
	owner=$(stat -c %U "$top" 2>/dev/null || stat -c %U "$src")
	echo "$1: cannot write in $top, which is $owner's; as root: chown -R $(id -un) $src/build" >&2
	exit 1
}
