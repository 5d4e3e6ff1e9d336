/* SPDX-License-Identifier: ISC */
/* facts.c: what holds on every architecture: names, vcpus, kicks, ends. */
#include "facts.h"

static void fact_sysctl(const char *name, const char *sysctl, size_t len)
{
	uint64_t value = 0;

	fact(name, host_sysctl_read(sysctl, &value, len));
}

/* ---- names: spec of /dev/vmmctl and the sysctls ---- */

static void probe_names(void)
{
	static char name[VMM_NAME_MAX + 2];

	fact("control.create", create("a", 0));
	fact("control.create_again", create("a", 0));
	fact("control.create_flag_1", create("flag", VMMCTL_DESTROY_ON_CLOSE));
	(void)destroy("flag");
	fact("control.name_below_a_machine", create("a/b", 0));
	fact("control.name_empty", create("", 0));
	fact("control.name_blank_first", create(" sp", 0));
	fact("control.name_blank_within", create("a b", 0));
	fact("control.name_quote", create("a\"b", 0));
	fact("control.name_dot", create(".", 0));
	fact("control.name_dot_dot", create("..", 0));
	for (unsigned i = 0; i < VMM_NAME_MAX; i++)
		name[i] = 'n';
	fact("control.name_229", create(name, 0));
	fact("control.name_229_destroy", destroy(name));
	fact("control.destroy_unknown", destroy("zz"));
	fact("control.code_unknown", host_ioctl(control, 0xc1285607u, name));
	fact("control.null", host_ioctl(control, VMMCTL_CREATE, NULL));
}

static void probe_sysctls(void)
{
	fact("sysctl.create", host_sysctl_write(VMM_SYSCTL_CREATE, "b", 1));
	fact("sysctl.create_again", host_sysctl_write(VMM_SYSCTL_CREATE, "b", 1));
	fact("sysctl.create_empty", host_sysctl_write(VMM_SYSCTL_CREATE, "", 0));
	fact_is("sysctl.open", host_open(VMM_NODES "/b", HOST_BOTH) >= 0);
	fact("sysctl.destroy", host_sysctl_write(VMM_SYSCTL_DESTROY, "b", 1));
	fact("sysctl.destroy_again", host_sysctl_write(VMM_SYSCTL_DESTROY, "b", 1));
	fact("sysctl.open_destroyed", host_open(VMM_NODES "/b", HOST_BOTH));
	fact("control.destroy", destroy("a"));
	fact("control.open_destroyed", host_open(VMM_NODES "/a", HOST_BOTH));
}

void probe_control(void)
{
	fact("control.open_read", host_open(VMM_CONTROL, HOST_READ));
	fact_is("control.open_write", host_open(VMM_CONTROL, HOST_WRITE) >= 0);
	control = host_open(VMM_CONTROL, HOST_BOTH);
	fact_is("control.open_both", control >= 0);
	fact_sysctl("sysctl.osreldate", "kern.osreldate", 4);
	fact_sysctl("sysctl.maxcpu", "hw.vmm.maxcpu", 4);
	fact_sysctl("sysctl.tsc_freq", "machdep.tsc_freq", 8);
	fact_sysctl("sysctl.unknown", "hw.vmm.no_such", 4);
	probe_names();
	probe_sysctls();
}

/* ---- vcpus; goes on with the machine of probe_memory ---- */

static void probe_register_lists(void)
{
	const int32_t numbers[3] = {0, 60, 1};
	uint64_t values[3] = {1, 2, 3};
	struct vmm_registers r = {.count = 3, .numbers = numbers, .values = values};
	struct vmm_topology t = {1, 1, 1, 0};

	fact("registers.partial", host_ioctl(node, VMM_SET_REGISTERS, &r));
	fact("registers.partial_first", (long)value_of(0));
	r.count = 100;
	fact("registers.100", host_ioctl(node, VMM_SET_REGISTERS, &r));
	fact("topology.1", host_ioctl(node, VMM_SET_TOPOLOGY, &t));
	t.cores = 5000;
	fact("topology.5000", host_ioctl(node, VMM_SET_TOPOLOGY, &t));
}

static long suspend(int how)
{
	return cpu_call(VMM_SUSPEND, how);
}

static void probe_suspend(void)
{
	fact("suspend.0", suspend(0));
	fact("suspend.6", suspend(6));
	fact("suspend.poweroff", suspend(VMM_SUSPEND_POWEROFF));
	fact("suspend.again", suspend(VMM_SUSPEND_POWEROFF));
	fact("suspend.run", go());
	fact_is("suspend.run_says_so", last.code == suspended_exit);
	fact("suspend.run_length", last.inst_length);
	fact("suspend.run_how", last.suspended.how);
	fact("suspend.run_again", go());
	fact("reinit.reinit", host_ioctl(node, VMM_REINIT, NULL));
	fact("reinit.run", run());
	fact("reinit.activate", cpu_call(VMM_ACTIVATE_CPU, 0));
	fact("reinit.live", host_ioctl(node, VMM_REINIT, NULL));
}

static void probe_capabilities(void)
{
	for (int type = 0; type <= VMM_CAP_MAX; type++) {
		struct vmm_capability c = {.type = type, .value = 0x55};

		fact(numbered("capability.get_", type), host_ioctl(node, VMM_GET_CAPABILITY, &c));
		fact_hex(numbered("capability.value_", type), (uint32_t)c.value);
	}
}

void probe_vcpu(void)
{
	uint64_t value = 0;

	fact("activate.activate", cpu_call(VMM_ACTIVATE_CPU, 0));
	fact("activate.again", cpu_call(VMM_ACTIVATE_CPU, 0));
	fact("activate.cpu_-1", cpu_call(VMM_ACTIVATE_CPU, -1));
	fact("capability.set_halt_exit", set_capability(VMM_CAP_HALT_EXIT, 1));
	(void)set_capability(VMM_CAP_HALT_EXIT, 0);
	fact("capability.set_too_high", set_capability(VMM_CAP_MAX, 1));
	probe_capabilities();
	probe_arch_vcpu();
	probe_register_lists();
	probe_suspend();
	fact("destroy.destroy", destroy("m"));
	fact("destroy.get_register", get(0, &value));
	fact("destroy.mmap", host_mmap(0x1000, 3, true, node, 0));
	fact("destroy.mprotect", host_mprotect(ram, 0x200000, 3));
	fact("destroy.view_is_still", ram[0x1234]);
	(void)host_close(node);
}

/* ---- kicks ---- */

static uint64_t kicked_at;
static volatile int done;

static void kick_later(void *arg)
{
	host_sleep(100);
	kicked_at = host_ms();
	(void)cpu_call(VMM_SUSPEND_CPU, 0);
	(void)arg;
	done = 1;
}

/* Suspend, signal, suspend: the only order that loses no kick on arm64. */
static void kick_thrice_later(void *arg)
{
	host_sleep(100);
	kicked_at = host_ms();
	(void)cpu_call(VMM_SUSPEND_CPU, 0);
	host_signal();
	(void)cpu_call(VMM_SUSPEND_CPU, 0);
	(void)arg;
	done = 1;
}

static void suspend_later(void *arg)
{
	host_sleep(100);
	(void)suspend(VMM_SUSPEND_POWEROFF);
	(void)arg;
	done = 1;
}

static void signal_later(void *arg)
{
	host_sleep(100);
	host_signal();
	(void)arg;
	done = 1;
}

static void get_later(void *arg)
{
	uint64_t value = 0;

	host_sleep(100);
	*(long *)arg = get(0, &value);
	done = 1;
}

static void beside(void (*f)(void *arg), void *arg)
{
	done = 0;
	host_thread(f, arg);
}

static void wait_beside(void)
{
	while (done == 0)
		host_sleep(1);
}

static void probe_debug_bit(void)
{
	code_spin();
	fact("kick.before", cpu_call(VMM_SUSPEND_CPU, 0));
	for (int i = 0; i < 2; i++) {
		fact(numbered("kick.before_run_", i), go());
		fact_is(numbered("kick.before_debug_", i), last.code == debug_exit);
		fact(numbered("kick.before_length_", i), last.inst_length);
	}
	fact_hex("kick.before_pc", value_of(pc_register));
	fact("kick.twice", cpu_call(VMM_SUSPEND_CPU, 0));
	fact("kick.resume", cpu_call(VMM_RESUME_CPU, 0));
	fact("kick.resume_again", cpu_call(VMM_RESUME_CPU, 0));
	fact("kick.cpu_1", cpu_call(VMM_SUSPEND_CPU, 1));
	fact("kick.all", cpu_call(VMM_SUSPEND_CPU, -1));
	fact("kick.resume_all", cpu_call(VMM_RESUME_CPU, -1));
}

static void kicked(const char *run_name, const char *debug, const char *soon,
		   void (*how)(void *arg), void (*guest)(void))
{
	guest();
	beside(how, NULL);
	fact(run_name, go());
	fact_is(debug, last.code == debug_exit);
	fact_is(soon, host_ms() - kicked_at < 1000);
	wait_beside();
	(void)cpu_call(VMM_RESUME_CPU, 0);
}

static void probe_signals(void)
{
	unsigned before = host_signals();
	uint64_t until = host_ms() + 5000;
	long error = 0;

	code_spin();
	beside(signal_later, NULL);
	while (host_signals() == before && host_ms() < until && error == 0)
		error = run();
	fact("signal.run", error);
	fact_is("signal.bogus", last.code == bogus_exit);
	fact_is("signal.handled", host_signals() == before + 1);
	wait_beside();
	host_signal_block(true);
	before = host_signals();
	beside(signal_later, NULL);
	for (until = host_ms() + 400; host_ms() < until;)
		error = run();
	fact("signal.blocked_run", error);
	fact_is("signal.blocked_handled", host_signals() != before);
	host_signal_block(false);
	fact_is("signal.unblocked_handled", host_signals() == before + 1);
	wait_beside();
}

static void probe_other_thread(void)
{
	long got = 1;

	code_spin();
	beside(get_later, &got);
	while (done == 0)
		(void)run();
	fact("other_thread.get_register", got);
	code_spin();
	beside(suspend_later, NULL);
	fact("other_thread.suspend_run", go());
	fact_is("other_thread.suspended", last.code == suspended_exit);
	fact("other_thread.how", last.suspended.how);
	wait_beside();
	fact("other_thread.run_again", run());
	fact("other_thread.reinit", host_ioctl(node, VMM_REINIT, NULL));
	fact("other_thread.activate", cpu_call(VMM_ACTIVATE_CPU, 0));
	fact_is("other_thread.ram_is_kept", ram[CODE_AT + 1] != 0 || ram[CODE_AT + 3] != 0);
	(void)set_capability(VMM_CAP_HALT_EXIT, 1);
}

void probe_kicks(void)
{
	host_signal_ready();
	probe_debug_bit();
	kicked("kick.spinning_run", "kick.spinning_debug", "kick.spinning_soon", kick_later,
	       code_spin);
	kicked("kick.sleeping_run", "kick.sleeping_debug", "kick.sleeping_soon", kick_thrice_later,
	       code_sleep);
	probe_signals();
	probe_other_thread();
}

/* ---- ends ---- */

static const char *const victim = "g";

static void destroy_later(void *arg)
{
	host_sleep(100);
	*(long *)arg = destroy(victim);
	done = 1;
}

static void probe_destroy_running(void)
{
	long destroyed = 1, error;

	code_spin();
	beside(destroy_later, &destroyed);
	do
		error = run();
	while (error == 0);
	fact("destroy_running.run", error);
	wait_beside();
	fact("destroy_running.destroy", destroyed);
	fact_is("destroy_running.view_is_still", ram[CODE_AT + 1] != 0 || ram[CODE_AT + 3] != 0);
	(void)host_close(node);
}

static void die_with_a_machine(void)
{
	control = host_open(VMM_CONTROL, HOST_BOTH);
	open_machine("dead");
	(void)alloc(0, 0x200000);
	host_die();
}

static void drop_and_destroy(void)
{
	long error;

	control = host_open(VMM_CONTROL, HOST_BOTH);
	open_machine("drop");
	(void)alloc(0, 0x200000);
	error = host_setuid(1001);
	fact("setuid.setuid", error);
	fact("setuid.map", map(0, 0, 0, 0x200000, 7, 0));
	fact_is("setuid.mmap", host_mmap(0x200000, 3, true, node, 0) > 0);
	fact("setuid.sysctl_destroy", host_sysctl_write(VMM_SYSCTL_DESTROY, "drop", 4));
	fact("setuid.open_node", host_open(VMM_NODES "/drop", HOST_BOTH));
	fact("setuid.open_control", host_open(VMM_CONTROL, HOST_BOTH));
	fact("setuid.control_destroy", destroy("drop"));
}

void probe_life(void)
{
	probe_destroy_running();
	fact("sigkill.status", host_process(die_with_a_machine));
	fact("sigkill.create_again", create("dead", 0));
	fact_is("sigkill.open", host_open(VMM_NODES "/dead", HOST_BOTH) >= 0);
	fact("sigkill.destroy", destroy("dead"));
	(void)host_process(drop_and_destroy);
	(void)destroy("drop");
}
