# SPDX-License-Identifier: ISC
# trace.mk: what a guest asks for: the module's sources, and the options that it answers to.
trace_src := $(call src_files,monitor/trace/*.c)
trace_options := trace
