/* SPDX-License-Identifier: ISC */
/*
 * resident.c: reads /proc/PID/smaps (proc(5)) and takes out what is the guest's.
 *
 * Nothing there says which mapping is the guest's memory. It is the run of adjacent accessible
 * mappings without a name whose sizes add up to the guest's memory: pages with other rights, such
 * as those of the image, are mappings of their own.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "resident.h"

#define VMAS_MAX 512

struct vma {
	unsigned long long start, end;
	bool accessible, named, run_page;
	enum resident_part part;
	long rss, pss;		/* KiB */
};

const char *const resident_part_names[RESIDENT_PARTS] = {
	[RESIDENT_PROGRAM] = "program file",
	[RESIDENT_HEAP] = "heap",
	[RESIDENT_STACK] = "stack",
	[RESIDENT_OTHER] = "other, with .bss",
};

static enum resident_part part_of(const char *name)
{
	if (name[0] == '/')
		return RESIDENT_PROGRAM;
	if (strcmp(name, "[heap]") == 0)
		return RESIDENT_HEAP;
	return strcmp(name, "[stack]") == 0 ? RESIDENT_STACK : RESIDENT_OTHER;
}

static bool header_parse(const char *line, struct vma *v)
{
	char prot[5], name[64] = "";

	*v = (struct vma){0};
	if (sscanf(line, "%llx-%llx %4s %*s %*s %*s %63s", &v->start, &v->end, prot, name) < 3)
		return false;
	v->accessible = strncmp(prot, "---", 3) != 0;
	v->named = name[0] != '\0';
	v->part = part_of(name);
	v->run_page = strncmp(name, "anon_inode:kvm-vcpu", 19) == 0;
	return true;
}

static size_t vmas_read(pid_t pid, struct vma *vmas)
{
	char line[512];
	struct vma v;
	size_t n = 0;
	FILE *in;

	snprintf(line, sizeof line, "/proc/%d/smaps", (int)pid);
	in = fopen(line, "r");
	if (in == NULL)
		return 0;
	while (fgets(line, sizeof line, in) != NULL) {
		if (header_parse(line, &v) && n < VMAS_MAX)
			vmas[n++] = v;
		else if (n > 0) {
			(void)sscanf(line, "Rss: %ld kB", &vmas[n - 1].rss);
			(void)sscanf(line, "Pss: %ld kB", &vmas[n - 1].pss);
		}
	}
	fclose(in);
	return n;
}

/* How many mappings from the first one on may be one allocation. */
static size_t span(const struct vma *vmas, size_t n)
{
	size_t i = 0;

	while (i < n && vmas[i].accessible && !vmas[i].named &&
	       (i == 0 || vmas[i].start == vmas[i - 1].end))
		i++;
	return i;
}

/*
 * The kernel joins mappings, so memory without guard areas can lie in a larger one: then all of it
 * counts as the guest's, which only the floor's memory does.
 */
static bool guest_find(const struct vma *vmas, size_t n, size_t guest_size, size_t *first,
		       size_t *count)
{
	for (size_t i = 0; i < n; i += *count > 0 ? *count : 1) {
		*first = i;
		*count = span(vmas + i, n - i);
		if (*count > 0 && vmas[i + *count - 1].end - vmas[i].start >= guest_size)
			return true;
	}
	return false;
}

bool resident_read(pid_t pid, size_t guest_size, struct resident *r)
{
	struct vma vmas[VMAS_MAX];
	size_t n = vmas_read(pid, vmas), first, count;

	*r = (struct resident){0};
	if (!guest_find(vmas, n, guest_size, &first, &count))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (i >= first && i < first + count) {
			r->guest += vmas[i].rss;
		} else if (!vmas[i].run_page) {
			r->rss += vmas[i].rss;
			r->pss += vmas[i].pss;
			r->part[vmas[i].part] += vmas[i].pss;
		}
	}
	return true;
}
