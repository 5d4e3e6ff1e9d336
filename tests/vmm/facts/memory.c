/* SPDX-License-Identifier: ISC */
/* memory.c: segments, maps and views of a machine's memory. */
#include "facts.h"

static void probe_segments(void)
{
	uint64_t len;

	fact("memory.map_before_segment", map(0, 0, 0, 0x1000, 7, 0));
	fact("memory.mmap_before_map", host_mmap(0x1000, 3, true, node, 0));
	fact("segment.id_-1", alloc(-1, 0x1000));
	fact("segment.id_11", alloc(11, 0x1000));
	fact("segment.empty", alloc(0, 0));
	fact("segment.len_1", alloc(0, 1));
	fact("segment.alloc", alloc(0, RAM_SIZE));
	fact("segment.again", alloc(0, RAM_SIZE));
	fact("segment.another_size", alloc(0, 0x200000));
	fact("segment.get", get_segment(0, &len));
	fact_hex("segment.get_len", len);
	fact("segment.get_none", get_segment(3, &len));
	fact_hex("segment.get_none_len", len);
	fact("segment.get_11", get_segment(11, &len));
}

static void probe_maps(void)
{
	fact("map.no_right", map(0, 0, 0, 0x1000, 0, 0));
	fact("map.right_8", map(0, 0, 0, 0x1000, 8, 0));
	fact("map.flag_2", map(0, 0, 0, 0x1000, 7, 2));
	fact("map.segment_5", map(0, 5, 0, 0x1000, 7, 0));
	fact("map.segment_99", map(0, 99, 0, 0x1000, 7, 0));
	fact("map.offset_negative", map(0, 0, -4096, 0x1000, 7, 0));
	fact("map.beyond", map(0, 0, 0, 0x401000, 7, 0));
	fact("map.empty", map(0, 0, 0, 0, 7, 0));
	fact("map.unaligned", map(0x800, 0, 0, 0x1000, 7, 0));
	fact("map.map", map(0, 0, 0, 0x200000, 7, 0));
	fact("map.overlap", map(0x1000, 0, 0, 0x1000, 7, 0));
	fact("map.alias", map(0x10000000, 0, 0, 0x1000, 7, 0));
	fact("map.wired", map(0x10001000, 0, 0x2000, 0x1000, 7, 1));
	fact("map.gpa_too_high", map(UINT64_C(1) << 60, 0, 0, 0x1000, 7, 0));
	fact("map.lapic_page", map(0xfee00000, 0, 0, 0x1000, 7, 0));
	fact("map.ioapic_page", map(0xfec00000, 0, 0, 0x1000, 7, 0));
}

static void probe_map_slots(void)
{
	struct vmm_map m = {.gpa = 1};
	uint64_t gpa = 0x20000000;
	long error;
	int n = 0;

	fact("map.next", host_ioctl(node, VMM_MAP_NEXT, &m));
	fact_hex("map.next_gpa", m.gpa);
	fact_hex("map.next_len", m.len);
	fact("map.next_prot", m.prot);
	m.gpa = UINT64_C(1) << 62;
	fact("map.next_none", host_ioctl(node, VMM_MAP_NEXT, &m));
	while ((error = map(gpa, 0, 0, 0x1000, 7, 0)) == 0 && n < 40) {
		gpa += 0x1000;
		n++;
	}
	fact("map.more", n);
	fact("map.too_many", error);
	fact("unmap.another_len", unmap(0x10000000, 0x2000));
	fact("unmap.unmap", unmap(0x10000000, 0x1000));
	fact("unmap.again", unmap(0x10000000, 0x1000));
}

static void probe_mmap(long read_only)
{
	long view = host_mmap(0x200000, 3, true, node, 0), again;
	uint8_t *bytes = (uint8_t *)view;

	fact_is("mmap.map", view > 0);
	fact("mmap.across", host_mmap(0x201000, 3, true, node, 0));
	fact("mmap.hole", host_mmap(0x1000, 3, true, node, 0x300000));
	fact("mmap.executable", host_mmap(0x1000, 7, true, node, 0));
	fact("mmap.write_of_read_only", host_mmap(0x1000, 3, true, read_only, 0));
	fact_is("mmap.read_of_read_only", host_mmap(0x1000, 1, true, read_only, 0) > 0);
	fact("mmap.private", host_mmap(0x1000, 3, false, node, 0));
	bytes[0x1234] = 77;
	again = host_mmap(0x200000, 3, true, node, 0);
	fact("mmap.seen_by_another_view", ((uint8_t *)again)[0x1234]);
	fact("mmap.protect_read", host_mprotect(bytes, 0x200000, 1));
	fact("mmap.protect_none", host_mprotect(bytes, 0x200000, 0));
	fact("mmap.protect_execute", host_mprotect(bytes, 0x200000, 7));
	ram = bytes;
}

void probe_memory(void)
{
	struct vmm_run bad = {.cpu = -1, .exit = &last};
	long read_only;

	open_machine("m");
	read_only = host_open(VMM_NODES "/m", HOST_READ);
	fact_is("node.open_read", read_only >= 0);
	fact_is("node.open_again", host_open(VMM_NODES "/m", HOST_BOTH) >= 0);
	fact("run.inactive", run());
	fact("run.form_13", arch_run_13());
	fact("node.code_unknown", host_ioctl(node, 0x80247601u, &last));
	fact("run.cpu_-1", host_ioctl(node, VMM_RUN, &bad));
	bad.cpu = 999;
	fact("run.cpu_999", host_ioctl(node, VMM_RUN, &bad));
	fact("run.null", host_ioctl(node, VMM_RUN, NULL));
	probe_segments();
	probe_maps();
	probe_map_slots();
	probe_mmap(read_only);
}
