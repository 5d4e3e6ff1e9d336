# SPDX-License-Identifier: ISC
# bindings_x86_64.mk: what the guest's bindings need on x86_64.

guest_arch_src := start_x86_64.S vectors_x86_64.S cpu_x86_64.c trap_x86_64.c tls_x86_64.c
guest_arch_string_src := string_x86_64.c
guest_max_page_size := 0x1000

# For applications too: the guard is a variable, as there may be no thread pointer, and a
# guest has no use for the marks of control-flow enforcement.
guest_app_cflags := -mstack-protector-guard=global -fcf-protection=none

# The application owns the SSE registers; an exception may come at any instruction.
guest_arch_cflags := -mgeneral-regs-only -mno-red-zone
