# SPDX-License-Identifier: ISC
# husk-cc.bash: completion for husk-cc: its own options, those of compilers that matter for images, and files.

_husk_cc() {
	local cur=${COMP_WORDS[COMP_CWORD]}
	COMPREPLY=()
	case $cur in
	-*)
		mapfile -t COMPREPLY < <(compgen -W '--libc --help --version -print-libc -print-compiler -o -c -S -E -g
			-O2 -Os -I -D -Wall -Wextra -Wl,--gc-sections -Wl,--build-id=none -mgeneral-regs-only
			-ffunction-sections -fomit-frame-pointer' -- "$cur")
		;;
	*)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		compopt -o filenames
		;;
	esac
}
complete -F _husk_cc husk-cc
