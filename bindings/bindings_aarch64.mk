# SPDX-License-Identifier: ISC
# bindings_aarch64.mk: what the guest's bindings need on aarch64.

guest_arch_src := start_aarch64.S vectors_aarch64.S cpu_aarch64.c trap_aarch64.c tls_aarch64.c
guest_arch_string_src := string_aarch64.c
guest_max_page_size := 0x1000

# For applications too: there is no library that could have helpers for atomics, and a guest has no
# use for signed return addresses.
guest_app_cflags := -mno-outline-atomics -mbranch-protection=none

# The application owns the SIMD registers; an exception may come at any instruction.
guest_arch_cflags := -mgeneral-regs-only
