#!/bin/sh
# SPDX-License-Identifier: ISC
# test_completion.sh: what the Tab key makes of the beginning of a command, in shells as users have them.
set -u

src=${SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
husk=${HUSK:-husk}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
number=0

# result NAME REASON: passed if the reason is empty.
result() {
	number=$((number + 1))
	if [ -z "$2" ]; then
		echo "ok $number - $1"
	else
		echo "not ok $number - $1"
		printf '%s\n' "$2" | sed 's/^/# /'
	fi
}

if [ "${CROSS:-no}" != no ] || ! command -v "$husk" >/dev/null; then
	echo "1..0 # SKIP $husk does not run here"
	exit 0
fi
mkdir -p "$tmp/bin" "$tmp/work/folder"
ln -s "$(command -v "$husk")" "$tmp/bin/husk"
printf '#!/bin/sh\n' >"$tmp/bin/husk-cc" && chmod 755 "$tmp/bin/husk-cc"
: >"$tmp/work/disk-image" && : >"$tmp/work/source.c" && : >"$tmp/work/folder/inside"

# The beginnings, and what each becomes.
cat >"$tmp/list" <<'EOM'
husk --block:storage=dis|husk --block:storage=disk-image
husk --block-ro:x=folder/i|husk --block-ro:x=folder/inside
husk --net:service=unix:dis|husk --net:service=unix:disk-image
husk --vsock:s=listen=80:fol|husk --vsock:s=listen=80:folder/
husk --vsock:s=connect=7:x,uds=dis|husk --vsock:s=connect=7:x,uds=disk-image
husk --version=f|husk --version=full
husk-cc --li|husk-cc --libc
husk-cc -o image sou|husk-cc -o image source.c
EOM

# zsh on a terminal: ^G prints the line as it is then, in brackets.
# shellcheck disable=SC2016 # zsh expands it
zsh_types() {
	zsh -f -c '
		zmodload zsh/zpty
		zpty -b tester env PATH=$1/bin:$PATH TERM=dumb zsh -f -i
		zpty -w tester "cd $1/work; PS1=; unset zle_bracketed_paste; fpath=($2 \$fpath)
			autoload -Uz compinit; compinit -u -D
			tell() { print -r -- \"[\$BUFFER]\"; BUFFER=; }; zle -N tell; bindkey \"^G\" tell; print ready-\${:-now}"
		zpty -r -m tester said "*ready-now*" || exit 1
		while IFS="|" read -r word wanted; do
			zpty -w -n tester "$word"$'"'\t\a'"'
			zpty -r -m tester said "*\[*\]*" || exit 1
			said=${${said##*\[}%%\]*}
			[[ ${said% } == $wanted ]] || print -r -- "$word became $said"
		done <$3/list
		zpty -d tester' zsh "$tmp" "$src/docs/completion" "$tmp"
}

if command -v zsh >/dev/null; then
	wrong=$(zsh_types 2>&1) || wrong="zsh has failed: $wrong"
	result "zsh completes paths in options of devices, and options and files of husk-cc" "$wrong"
else
	number=$((number + 1))
	echo "ok $number - zsh completes paths # SKIP there is no zsh"
fi

# bash_offers WORD...: what is offered for the last word of the command line.
# shellcheck disable=SC2016 # bash expands it
bash_offers() {
	(cd "$tmp/work" && COMPLETION="$src/docs/completion/$1.bash" PATH=$tmp/bin:$PATH bash -c '
		compopt() { :; }
		. "$COMPLETION"
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_${1//-/_}
		printf "%s\n" "${COMPREPLY[@]}"' bash "$@")
}

if command -v bash >/dev/null; then
	result "bash: husk-cc's own options" "$(bash_offers husk-cc --li | grep -v -x -e --libc)"
	result "bash: values of options" "$(bash_offers husk --version = f | grep -v -x full
		bash_offers husk --stats = | grep -v -x json)"
	result "bash: files" "$(bash_offers husk-cc -o image sou | grep -v -x source.c)"
	result "bash: paths in options of devices" "$(bash_offers husk --block : storage = dis | grep -v -x disk-image)"
else
	number=$((number + 1))
	echo "ok $number - bash completes # SKIP there is no bash"
fi
echo "1..$number"
