/* SPDX-License-Identifier: ISC */
/*
 * hv_vmm_memory.c: a machine's memory under FreeBSD's vmm: one segment, one view of it, and maps for
 * the guest.
 *
 * The whole segment is mapped for the guest once, because the view can only be made of what is
 * mapped; the view is of the segment and stays when the guest's maps are made anew, in pieces with
 * different rights. There are few maps (22 on FreeBSD 15, 8 before). When they do not suffice, the
 * smallest read-only pieces become writable below the guest; its own tables still bind it, as they
 * do where a host has large pages.
 */
#include "hv_vmm.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

static const int all_rights = VMM_PROT_R | VMM_PROT_W | VMM_PROT_X;

static int map(const struct hv *hv, uint64_t start, uint64_t end, int prot)
{
	struct vmm_map m = {
		.gpa = start, .offset = (int64_t)start, .len = end - start, .prot = prot,
	};

	return VMM_IOCTL(hv->vm, VMM_MAP, &m);
}

static int allocate(struct hv *hv, uint64_t size)
{
	struct vmm_segment segment = {.len = size};
	struct vmm_segment_13 old = {.len = size};

	if (VMM_IOCTL(hv->vm, VMM_ALLOC_SEGMENT, &segment) == 0)
		return 0;
	if (errno != ENOTTY)
		return -1;
	hv->release.old_segment = true;
	return VMM_IOCTL(hv->vm, VMM_ALLOC_SEGMENT_13, &old);
}

/* Some processors have a page of their own, over which nothing can be mapped. */
static int map_failed(uint64_t size, int error, struct husk_error *e)
{
	husk_fail_sys(e, error, "VM_MMAP_MEMSEG of %llu bytes", (unsigned long long)size);
	if (error == EFAULT && hv_vmm_own_page != 0 && size > hv_vmm_own_page)
		return husk_hint(e, "this host keeps 0x%llx for the interrupt controller: give the "
				 "guest at most %llu MiB", (unsigned long long)hv_vmm_own_page,
				 (unsigned long long)(hv_vmm_own_page >> 20));
	return -1;
}

int hv_vmm_memory_create(struct hv *hv, uint64_t size, struct husk_error *e)
{
	if (memory_host_reserve(&hv->ram, size, e) == -1)
		return -1;
	hv->ram_size = size;
	if (allocate(hv, size) == -1)
		return husk_fail_sys(e, errno, "VM_ALLOC_MEMSEG of %llu bytes",
				     (unsigned long long)size);
	if (map(hv, 0, size, all_rights) == -1)
		return map_failed(size, errno, e);
	hv->n_maps = 1;
	hv->maps[0] = 0;
	hv->maps[1] = size;
	if (vmm_host_mmap(hv->ram.base, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, hv->vm,
			  0) == MAP_FAILED)
		return husk_fail_sys(e, errno, "mapping %llu bytes of guest memory",
				     (unsigned long long)size);
	return 0;
}

/* ---- pieces ---- */

static void remove_pieces(struct hv *hv, size_t at, size_t n)
{
	hv->n_pieces -= n;
	memmove(&hv->pieces[at], &hv->pieces[at + n], (hv->n_pieces - at) * sizeof hv->pieces[0]);
}

static void insert_piece(struct hv *hv, size_t at, struct hv_vmm_piece piece)
{
	memmove(&hv->pieces[at + 1], &hv->pieces[at], (hv->n_pieces - at) * sizeof hv->pieces[0]);
	hv->pieces[at] = piece;
	hv->n_pieces++;
}

static size_t smallest_piece(const struct hv *hv)
{
	size_t smallest = 0;

	for (size_t i = 1; i < hv->n_pieces; i++)
		if (hv->pieces[i].last - hv->pieces[i].start <
		    hv->pieces[smallest].last - hv->pieces[smallest].start)
			smallest = i;
	return smallest;
}

/* The first piece that ends at start or behind it; one that ends right before it counts. */
static size_t piece_from(const struct hv *hv, uint64_t start)
{
	size_t at = 0;

	while (at < hv->n_pieces && hv->pieces[at].last + 1 < start)
		at++;
	return at;
}

static void make_read_only(struct hv *hv, uint64_t start, uint64_t last)
{
	size_t at = piece_from(hv, start), n = 0;
	struct hv_vmm_piece piece = {start, last};

	for (; at + n < hv->n_pieces && hv->pieces[at + n].start <= last + 1; n++) {
		const struct hv_vmm_piece *old = &hv->pieces[at + n];

		piece.start = old->start < piece.start ? old->start : piece.start;
		piece.last = old->last > piece.last ? old->last : piece.last;
	}
	remove_pieces(hv, at, n);
	if (hv->n_pieces == HV_VMM_PIECES_MAX) {
		remove_pieces(hv, smallest_piece(hv), 1);
		at = piece_from(hv, start);
	}
	insert_piece(hv, at, piece);
}

static void make_writable(struct hv *hv, uint64_t start, uint64_t last)
{
	for (size_t i = hv->n_pieces; i-- > 0;) {
		const struct hv_vmm_piece old = hv->pieces[i];

		if (old.last < start || old.start > last)
			continue;
		remove_pieces(hv, i, 1);
		if (old.last > last)
			make_read_only(hv, last + 1, old.last);
		if (old.start < start)
			make_read_only(hv, old.start, start - 1);
	}
}

/* The monitor may do what the guest may: R always stays, as it would fault itself otherwise. */
int hv_vmm_protect(struct hv *hv, uint64_t start, uint64_t last, unsigned prot,
		   struct husk_error *e)
{
	int host = PROT_READ | ((prot & MEMORY_W) != 0 ? PROT_WRITE : 0);

	if (mprotect(hv->ram.base + start, (size_t)(last - start + 1), host) == -1)
		return husk_fail_sys(e, errno, "mprotect of guest memory 0x%llx-0x%llx",
				     (unsigned long long)start, (unsigned long long)last);
	if ((prot & MEMORY_W) != 0)
		make_writable(hv, start, last);
	else
		make_read_only(hv, start, last);
	hv->maps_stale = hv_vmm_protects_guest;
	return 0;
}

/* ---- maps ---- */

static int unmap_all(struct hv *hv)
{
	for (; hv->n_maps > 0; hv->n_maps--) {
		uint64_t start = hv->maps[hv->n_maps - 1];
		struct vmm_unmap u = {start, hv->maps[hv->n_maps] - start};

		if (VMM_IOCTL(hv->vm, VMM_UNMAP, &u) == -1)
			return -1;
	}
	return 0;
}

static int add_map(struct hv *hv, uint64_t start, uint64_t end, int prot)
{
	if (start == end)
		return 0;
	if (map(hv, start, end, prot) == -1)
		return -1;
	hv->maps[hv->n_maps++] = start;
	hv->maps[hv->n_maps] = end;
	return 0;
}

static int map_pieces(struct hv *hv)
{
	uint64_t at = 0;

	for (size_t i = 0; i < hv->n_pieces; i++) {
		const struct hv_vmm_piece *p = &hv->pieces[i];

		if (add_map(hv, at, p->start, all_rights) == -1 ||
		    add_map(hv, p->start, p->last + 1, all_rights & ~VMM_PROT_W) == -1)
			return -1;
		at = p->last + 1;
	}
	return add_map(hv, at, hv->ram_size, all_rights);
}

int hv_vmm_memory_map(struct hv *hv, struct husk_error *e)
{
	while (hv->maps_stale) {
		if (unmap_all(hv) == 0 && map_pieces(hv) == 0) {
			hv->maps_stale = false;
			return 0;
		}
		if (errno != ENOSPC || hv->n_pieces == 0)
			return husk_fail_sys(e, errno, "VM_MMAP_MEMSEG in %zu pieces",
					     2 * hv->n_pieces + 1);
		remove_pieces(hv, smallest_piece(hv), 1);
	}
	return 0;
}
