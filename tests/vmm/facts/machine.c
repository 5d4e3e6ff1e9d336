/* SPDX-License-Identifier: ISC */
/* machine.c: calls to a vmm, for the probes. */
#include "facts.h"

long control = -1, node = -1;
uint8_t *ram;
struct vmm_exit last;

static void name_into(char *to, const char *name)
{
	for (size_t i = 0; name[i] != '\0'; i++)
		to[i] = name[i];
}

/* By sysctl where there is no /dev/vmmctl. */
static long control_call(uint32_t call, const char *name, uint32_t flags)
{
	struct vmmctl c = {.flags = flags};

	name_into(c.name, name);
	if (control < 0)
		return host_sysctl_write(call == VMMCTL_CREATE ? VMM_SYSCTL_CREATE
							       : VMM_SYSCTL_DESTROY,
					 name, text_length(name));
	return host_ioctl(control, call, &c);
}

long create(const char *name, uint32_t flags)
{
	return control_call(VMMCTL_CREATE, name, flags);
}

long destroy(const char *name)
{
	return control_call(VMMCTL_DESTROY, name, 0);
}

void open_machine(const char *name)
{
	char path[80] = VMM_NODES "/";

	name_into(path + text_length(path), name);
	if (create(name, 0) != 0 || (node = host_open(path, HOST_BOTH)) < 0)
		fact("open_machine", node);
}

void full_machine(const char *name)
{
	long view, error;

	open_machine(name);
	error = alloc(0, RAM_SIZE) | map(0, 0, 0, READ_ONLY, 7, 0) |
		map(READ_ONLY, 0, READ_ONLY, 0x10000, VMM_PROT_R | VMM_PROT_X, 0) |
		map(0x200000, 0, 0x200000, 0x200000, 7, 0);
	view = host_mmap(READ_ONLY, 3, true, node, 0);
	ram = (uint8_t *)view;
	error |= cpu_call(VMM_ACTIVATE_CPU, 0);
	(void)set_capability(VMM_CAP_HALT_EXIT, 1);
	if (view < 0 || error != 0) {
		fact("full_machine", view < 0 ? view : error);
		return;
	}
	arch_tables();
	error = arch_registers();
	if (error != 0)
		fact("full_machine.registers", error);
}

void close_machine(const char *name)
{
	(void)destroy(name);
	(void)host_close(node);
	node = -1;
}

/* ENOTTY has the same number on FreeBSD and on Linux. */
#define NO_SUCH_CODE (-25)

long alloc(int id, uint64_t len)
{
	struct vmm_segment s = {.id = id, .len = len};
	struct vmm_segment_13 old = {.id = id, .len = len};
	long error = host_ioctl(node, VMM_ALLOC_SEGMENT, &s);

	return error == NO_SUCH_CODE ? host_ioctl(node, VMM_ALLOC_SEGMENT_13, &old) : error;
}

long get_segment(int id, uint64_t *len)
{
	struct vmm_segment s = {.id = id};
	struct vmm_segment_13 old = {.id = id};
	long error = host_ioctl(node, VMM_GET_SEGMENT, &s);

	*len = s.len;
	if (error != NO_SUCH_CODE)
		return error;
	error = host_ioctl(node, VMM_GET_SEGMENT_13, &old);
	*len = old.len;
	return error;
}

long map(uint64_t gpa, int segment, int64_t offset, uint64_t len, int prot, int flags)
{
	struct vmm_map m = {.gpa = gpa, .segment = segment, .offset = offset, .len = len,
			    .prot = prot, .flags = flags};

	return host_ioctl(node, VMM_MAP, &m);
}

long unmap(uint64_t gpa, uint64_t len)
{
	struct vmm_unmap u = {gpa, len};

	return host_ioctl(node, VMM_UNMAP, &u);
}

long cpu_call(uint32_t call, int cpu)
{
	int32_t number = cpu;

	return host_ioctl(node, call, &number);
}

long get(int number, uint64_t *value)
{
	struct vmm_register r = {.number = number, .value = *value};
	long error = host_ioctl(node, VMM_GET_REGISTER, &r);

	*value = r.value;
	return error;
}

uint64_t value_of(int number)
{
	uint64_t value = 0;

	return get(number, &value) == 0 ? value : UINT64_C(0xdead);
}

long set(int number, uint64_t value)
{
	struct vmm_register r = {.number = number, .value = value};

	return host_ioctl(node, VMM_SET_REGISTER, &r);
}

long set_capability(int type, int value)
{
	struct vmm_capability c = {.type = type, .value = value};

	return host_ioctl(node, VMM_SET_CAPABILITY, &c);
}

long run(void)
{
	struct vmm_run r = {.exit = &last};
	long error = host_ioctl(node, VMM_RUN, &r);

	return error == NO_SUCH_CODE ? arch_run_13() : error;
}

long go(void)
{
	uint64_t until = host_ms() + 10000;
	long error;

	do
		error = run();
	while (error == 0 && is_bogus() && host_ms() < until);
	return error;
}

static const char *joined(const char *name, const char *suffix)
{
	static char text[80];
	size_t n = 0;

	for (; name[n] != '\0' && n < sizeof text - 10; n++)
		text[n] = name[n];
	for (; *suffix != '\0'; suffix++)
		text[n++] = *suffix;
	text[n] = '\0';
	return text;
}

void show(const char *name)
{
	long error = go();

	fact(joined(name, ".run"), error);
	if (error == 0) {
		fact(joined(name, ".code"), last.code);
		fact(joined(name, ".length"), last.inst_length);
		fact_hex(joined(name, ".at"), exit_pc());
	}
	fact_hex(joined(name, ".pc"), value_of(pc_register));
}

void code(const void *bytes, size_t len)
{
	const uint8_t *b = bytes;

	for (size_t i = 0; i < len; i++)
		ram[CODE_AT + i] = b[i];
	(void)arch_registers();
}
