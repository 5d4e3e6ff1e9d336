#!/bin/sh
# SPDX-License-Identifier: ISC
# relative.sh: prints the way from directory $1 to $2, both absolute: from /usr/bin to /usr/lib, ../lib.
set -eu

from=$1 up=
until case $2/ in "$from"/*) true ;; *) false ;; esac; do
	from=${from%/*} up=../$up
done
rest=${2#"$from"}
rest=${rest#/}
printf '%s\n' "${up:-./}$rest"
