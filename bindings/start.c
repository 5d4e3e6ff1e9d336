/* SPDX-License-Identifier: ISC */
/* start.c: from the monitor's boot information to the application. */
#include "bindings.h"
#include "cpu.h"
#include "features.h"
#include "net_queue.h"

static const char banner[] =
	"   _             _\n"
	"  | |_ _  _ ____| |__\n"
	"  | ' \\ || (_-<_| / /\n"
	"  |_||_\\_,_/__/_|_\\_\\\n"
	"Solo5: Bindings version " BINDINGS_VERSION "\n";

static struct solo5_start_info start_info;

/* Compiled without the stack protector: the guard changes while it runs. */
_Noreturn void bindings_start(const struct hvt_boot_info *boot)
{
	size_t heap_size;

	ssp_init(cpu_ticks(), cpu_random());
	cpu_set_tls_base(0);
	cpu_init();
	start_info.cmdline = log_take_options((const char *)boot->cmdline);
	log_printf(LOG_INFO, "%s", banner);
	memory_init(boot->mem_size, &start_info);
	manifest_init((const struct mft_header *)boot->mft);
	features_init(boot);
	heap_size = start_info.heap_size;
	net_queue_init(&start_info);
	ring_init(boot, &start_info);
	block_init(&start_info, heap_size);
	memory_print_map(&start_info);
	clock_init(boot->cpu_cycle_freq);
	solo5_exit(solo5_app_main(&start_info));
}
