# SPDX-License-Identifier: ISC
# dumpcore.mk: core files of guests: the module's sources, and the options that it answers to.
dumpcore_src := $(call ours,$(call src_files,monitor/dumpcore/*.c))
dumpcore_options := dumpcore
