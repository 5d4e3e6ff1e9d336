# SPDX-License-Identifier: ISC
# vsock.mk: socket devices: the module's sources, and the options that it answers to.
vsock_src := $(call src_files,monitor/vsock/*.c)
vsock_options := vsock
