# SPDX-License-Identifier: ISC
# husk.bash: completion for husk; the options come from the binary's own --help.

# What an option's value may be; nothing if it is a file, or the user's own.
_husk_values() {
	case $1 in
	--sandbox) echo on require kill off ;;
	--huge-pages) echo on off ;;
	--inspect | --stats) echo json ;;
	--version) echo full ;;
	esac
}

_husk() {
	local cur=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} option= options i
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--) break ;;
		-* | = | :) ;;
		*)	# KERNEL is there already, unless the word is the tail of an option
			case ${COMP_WORDS[i - 1]} in
			= | : | -*[=:]*) ;;
			*) return ;;
			esac ;;
		esac
	done
	# bash takes an option's = for a word, and what follows for another.
	if [[ $cur == = ]]; then
		option=$before cur=
	elif [[ $before == = ]]; then
		option=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	options=$(_husk_values "$option")
	if [[ -n $options ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
		return
	fi
	case $cur in
	-*)
		options=$("${COMP_WORDS[0]}" --help 2>/dev/null |
			sed -n 's/^  \(--[a-z-]*\)\[=[A-Z]*\]$/\1 \1=/p
				s/^  \(--[a-z-]*\)\[=\([a-z]*\)\]$/\1 \1=\2/p
				s/^  \(--[a-z-]*\):NAME.*/\1:/p
				s/^  \(--[a-z-]*=\)[A-Z]*$/\1/p
				s/^  \(--[a-z-]*\)$/\1/p')
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
		[[ ${COMPREPLY[0]-} != *[=:] ]] || compopt -o nospace
		;;
	*)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		compopt -o filenames
		;;
	esac
}
complete -F _husk husk solo5-hvt
