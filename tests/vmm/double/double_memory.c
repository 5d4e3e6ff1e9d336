/* SPDX-License-Identifier: ISC */
/* double_memory.c: the stand-in's memory segments and maps: FreeBSD's errors in FreeBSD's order. */
#include "double.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

static int segments_max(void)
{
	return double_personality()->release < 15 ? 4 : SEGMENTS_MAX;
}

static int maps_max(void)
{
	return double_personality()->release < 15 ? 8 : MAPS_MAX;
}

int ram_segment(struct machine *m, int id, uint64_t len)
{
	struct segment *s;

	if (id < 0 || id >= segments_max() || len == 0 || len % PAGE != 0)
		return EINVAL;
	s = &m->segments[id];
	if (s->len != 0)
		return s->len == len ? EEXIST : EINVAL;
	s->view = mmap(NULL, len, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (s->view == MAP_FAILED)
		return ENOMEM;
	s->len = len;
	return 0;
}

static int check_map(const struct machine *m, const struct vmm_map *map)
{
	uint64_t offset = (uint64_t)map->offset, last;

	if (map->prot == 0 || (map->prot & ~(VMM_PROT_R | VMM_PROT_W | VMM_PROT_X)) != 0)
		return EINVAL;
	if ((map->flags & ~VMM_MAP_WIRED) != 0)
		return EINVAL;
	if (map->segment < 0 || map->segment >= segments_max() ||
	    m->segments[map->segment].len == 0)
		return EINVAL;
	if (map->offset < 0 || map->len == 0 || __builtin_add_overflow(offset, map->len, &last) ||
	    last > m->segments[map->segment].len)
		return EINVAL;
	return (map->gpa | offset | last) % PAGE != 0 ? EINVAL : 0;
}

static bool overlaps(const struct machine *m, uint64_t gpa, uint64_t len)
{
	for (int i = 0; i < MAPS_MAX; i++) {
		const struct vmm_map *old = &m->maps[i].m;

		if (m->maps[i].used && gpa < old->gpa + old->len && old->gpa < gpa + len)
			return true;
	}
	return false;
}

/*
 * Linux mremap(2): of shared memory, an old size of 0 makes a second mapping. No file is needed, so
 * that a limit on the size of files does not matter.
 */
static void *alias(uint8_t *memory, void *at, size_t len, int flags)
{
	if ((flags & MAP_FIXED) != 0)
		return mremap(memory, 0, len, MREMAP_MAYMOVE | MREMAP_FIXED, at);
	return mremap(memory, 0, len, MREMAP_MAYMOVE);
}

static int slot(struct machine *m, int i, uint64_t size)
{
	struct kvm_userspace_memory_region r = {
		.slot = (uint32_t)i,
		.guest_phys_addr = m->maps[i].m.gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)m->maps[i].view,
	};

	return ioctl(m->vm, KVM_SET_USER_MEMORY_REGION, &r) == -1 ? errno : 0;
}

/*
 * What the guest may not write is a view that cannot be written: KVM's own read-only slots make a
 * guest whose page tables lie in one go round for ever.
 */
static int show(struct machine *m, int i)
{
	const struct vmm_map *map = &m->maps[i].m;
	uint8_t *memory = m->segments[map->segment].view + map->offset;
	int prot = cpu_view_prot(map->prot);

	m->maps[i].view = MAP_FAILED;
	if (prot == PROT_NONE)
		return 0;
	m->maps[i].view = alias(memory, NULL, map->len, 0);
	if (m->maps[i].view == MAP_FAILED)
		return ENOMEM;
	return mprotect(m->maps[i].view, map->len, prot) == -1 ? errno : slot(m, i, map->len);
}

static int hide(struct machine *m, int i)
{
	int error;

	m->maps[i].used = false;
	if (m->maps[i].view == MAP_FAILED)
		return 0;
	error = slot(m, i, 0);
	munmap(m->maps[i].view, m->maps[i].m.len);
	return error;
}

int ram_map(struct machine *m, const struct vmm_map *map)
{
	int error = check_map(m, map), i = 0;

	if (error != 0)
		return error;
	while (i < maps_max() && m->maps[i].used)
		i++;
	if (i == maps_max())
		return ENOSPC;
	if (map->gpa + map->len < map->gpa || overlaps(m, map->gpa, map->len) ||
	    !cpu_gpa_ok(m, map->gpa, map->len))
		return EFAULT;
	m->maps[i].m = *map;
	error = show(m, i);
	m->maps[i].used = error == 0;
	return error;
}

int ram_unmap(struct machine *m, const struct vmm_unmap *u)
{
	for (int i = 0; i < MAPS_MAX; i++)
		if (m->maps[i].used && m->maps[i].m.gpa == u->gpa && m->maps[i].m.len == u->len)
			return hide(m, i);
	return EINVAL;
}

int ram_next(const struct machine *m, struct vmm_map *map)
{
	const struct vmm_map *next = NULL;

	for (int i = 0; i < MAPS_MAX; i++) {
		const struct vmm_map *at = &m->maps[i].m;

		if (m->maps[i].used && at->gpa >= map->gpa && (next == NULL || at->gpa < next->gpa))
			next = at;
	}
	if (next == NULL)
		return ENOENT;
	*map = *next;
	return 0;
}

const struct vmm_map *ram_at(const struct machine *m, uint64_t gpa)
{
	for (int i = 0; i < MAPS_MAX; i++) {
		const struct vmm_map *map = &m->maps[i].m;

		if (m->maps[i].used && gpa >= map->gpa && gpa - map->gpa < map->len)
			return map;
	}
	return NULL;
}

bool ram_copy(const struct machine *m, uint64_t gpa, void *to, size_t len)
{
	const struct vmm_map *map = ram_at(m, gpa);

	if (map == NULL || len > map->len - (gpa - map->gpa))
		return false;
	memcpy(to, m->segments[map->segment].view + map->offset + (gpa - map->gpa), len);
	return true;
}

int ram_mmap(const struct machine *m, void **out, void *at, size_t len, int prot, int flags,
		off_t offset, bool writable)
{
	const struct vmm_map *map = ram_at(m, (uint64_t)offset);
	uint64_t into;

	if (len == 0 || offset < 0 || (prot & PROT_EXEC) != 0)
		return EINVAL;
	if ((prot & PROT_WRITE) != 0 && ((flags & MAP_PRIVATE) != 0 || !writable))
		return EACCES;
	if (map == NULL)
		return ENOENT;
	into = (uint64_t)offset - map->gpa;
	if (len > map->len - into)
		return ENOENT;
	*out = alias(m->segments[map->segment].view + map->offset + into, at, len, flags);
	if (*out == MAP_FAILED)
		return errno;
	return mprotect(*out, len, prot) == -1 ? errno : 0;
}

/* After KVM's machine is gone. */
void ram_free(struct machine *m)
{
	for (int i = 0; i < MAPS_MAX; i++)
		if (m->maps[i].used && m->maps[i].view != MAP_FAILED)
			munmap(m->maps[i].view, m->maps[i].m.len);
	for (int i = 0; i < SEGMENTS_MAX; i++)
		if (m->segments[i].len != 0) {
			munmap(m->segments[i].view, m->segments[i].len);
			m->segments[i].len = 0;
		}
	memset(m->maps, 0, sizeof m->maps);
}
