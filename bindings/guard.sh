# SPDX-License-Identifier: ISC
# ---- no work of the user's is written over ----

# What a command line reads and writes, a name a line.
inputs='' outputs='' asks_linker='' preprocesses=

# Whether the option's argument is the next word.
takes_word()
{
	case $1 in
	-[xILDUlTuzeABFmhRby] | -include | -imacros | -isystem | -idirafter | -iquote | -iprefix | \
	-iwithprefix | -iwithprefixbefore | -isysroot | -imultilib | -MT | -MQ | -Xassembler | \
	-Xpreprocessor | -Xclang | -mllvm | --param | -dumpbase | -dumpbase-ext | -dumpdir | -wrapper | \
	-specs | -target | -soname | -rpath | -rpath-link | --script)
		return 0
		;;
	esac
	return 1
}

writes()
{
	outputs="$outputs$1
"
}

# A word for the linker, of which -Wl, may bring several.
linker_word()
{
	case $linker_previous:$1 in
	-o:* | -Map:* | --output:*) writes "$1" ;;
	*:-Map=* | *:--output=*) writes "${1#*=}" ;;
	*:--version | *:-v | *:-V | *:--help | *:--verbose) asks_linker=yes ;;
	esac
	linker_previous=$1
}

look_at()
{
	word_before='' linker_previous=
	for word; do
		case $word_before in
		-o | --output | -MF | -aux-info | -Map) writes "$word" ;;
		-Xlinker) linker_word "$word" ;;
		*) takes_word "$word_before" || look_at_word "$word" ;;
		esac
		if [ -n "$word_before" ]; then word_before=; else word_before=$word; fi
		case $word_before in
		-o | --output | -MF | -aux-info | -Map | -Xlinker) ;;
		*) [ -z "$word_before" ] || takes_word "$word_before" || word_before= ;;
		esac
	done
}

look_at_word()
{
	case $1 in
	-o | --output | -MF | -aux-info | -Map | -Xlinker) ;;
	-E) preprocesses=yes ;;
	-o?*) writes "${1#-o}" ;;
	--output=* | -Map=*) writes "${1#*=}" ;;
	-MF?*) writes "${1#-MF}" ;;
	-Wp,-M*) writes "${1##*,}" ;;
	-Wl,*)
		saved=$IFS
		IFS=,
		set -f
		for part in ${1#-Wl,}; do linker_word "$part"; done
		set +f
		IFS=$saved
		;;
	-l?* | @*)
		inputs="$inputs$1
"
		;;
	-?*) ;;
	*)
		inputs="$inputs$1
"
		;;
	esac
}

# $1: an output whose name is that of a source, given by mistake.
is_source()
{
	[ -z "$preprocesses" ] || return 1
	case $1 in
	*.c | *.h | *.S | *.cc | *.cpp | *.cxx | *.C | *.hh | *.hpp | *.json | *.lds) return 0 ;;
	*.s | *.i | *.ii) [ "$mode" != compile ] && [ -e "$1" ] ;;
	*) return 1 ;;
	esac
}

# What the command line writes is neither a source nor one of the files that it reads, by any name.
guard_outputs()
{
	list=$outputs
	while [ -n "$list" ]; do
		out=${list%%
*}
		list=${list#*
}
		! is_source "$out" ||
			fail "$out would be overwritten, and is a source by its name: write -o IMAGE and then $out"
		rest=$inputs
		while [ -n "$rest" ]; do
			in=${rest%%
*}
			rest=${rest#*
}
			# shellcheck disable=SC3013 # every shell that is a /bin/sh has -ef, and POSIX from 2024 on
			if [ "$in" = "$out" ] || { [ -f "$in" ] && [ "$in" -ef "$out" ]; }; then
				fail "$out would be overwritten, and is an input: give the output another name after -o"
			fi
		done
	done
}
