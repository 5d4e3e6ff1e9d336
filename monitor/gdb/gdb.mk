# SPDX-License-Identifier: ISC
# gdb.mk: a debugger's control over the guest: the module's sources, and the options that it answers to.
gdb_src := $(call src_files,monitor/gdb/*.c)
gdb_options := gdb gdb-port
