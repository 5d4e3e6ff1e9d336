/* SPDX-License-Identifier: ISC */
/* elf_file.c: reads pieces of an image file, and has libelf translate them. */
#include "elf_file.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

bool elf_in_file(const struct elf_image *img, uint64_t offset, uint64_t len)
{
	return len <= img->file_size && offset <= img->file_size - len;
}

int elf_hint_cut(const struct elf_image *img, uint64_t offset, uint64_t len, struct husk_error *e)
{
	uint64_t end;

	if (__builtin_add_overflow(offset, len, &end) || end <= img->file_size)
		return -1;
	return husk_hint(e, "the file is cut short: copy it again");
}

static ssize_t read_file(int fd, void *buf, size_t len, uint64_t offset)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(fd, (uint8_t *)buf + done, len - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

ssize_t elf_read(const struct elf_image *img, void *buf, size_t len, uint64_t offset)
{
	if (img->bytes == NULL)
		return read_file(img->fd, buf, len, offset);
	if (offset >= img->file_size)
		return 0;
	if (len > img->file_size - offset)
		len = (size_t)(img->file_size - offset);
	memcpy(buf, img->bytes + offset, len);
	return (ssize_t)len;
}

bool elf_stopping(const struct elf_stop *stop)
{
	return stop != NULL && stop->asked != NULL && stop->asked(stop->ctx);
}

int elf_stopped(struct husk_error *e)
{
	return husk_fail_sys(e, EINTR, "Stopped while it was read");
}

static bool window_covers(const struct window *w, uint64_t offset, size_t len)
{
	return offset >= w->offset && len <= w->valid && offset - w->offset <= w->valid - len;
}

/* Reads the page of offset, and more if len bytes from there need it. */
static int window_fill(const struct elf_image *img, struct window *w, uint64_t offset, size_t len,
		       struct husk_error *e)
{
	uint64_t start = offset & ~(PAGE - 1), left = img->file_size - start;
	uint64_t wanted = offset - start + len < PAGE ? PAGE : offset - start + len;
	ssize_t n;

	assert(wanted <= w->room);
	n = elf_read(img, w->bytes, (size_t)(left < wanted ? left : wanted), start);
	w->offset = start;
	w->valid = n < 0 ? 0 : (size_t)n;
	return n < 0 ? husk_fail_sys(e, errno, "Could not read") : 0;
}

const uint8_t *elf_window_at(const struct elf_image *img, struct window *w, uint64_t offset,
			     size_t len, struct husk_error *e)
{
	if (!window_covers(w, offset, len) && window_fill(img, w, offset, len, e) != 0)
		return NULL;
	if (!window_covers(w, offset, len)) {
		husk_fail(e, HUSK_E_IMAGE, INVALID "the file became shorter while it was read");
		return NULL;
	}
	return w->bytes + (offset - w->offset);
}

int elf_translate(void *dst, const void *src, size_t size, Elf_Type type, struct husk_error *e)
{
	Elf_Data from = {.d_buf = dst, .d_type = type, .d_size = size, .d_version = EV_CURRENT};
	Elf_Data to = from;

	memcpy(dst, src, size);
	if (elf_version(EV_CURRENT) == EV_NONE || elf64_xlatetom(&to, &from, ELFDATA2LSB) == NULL)
		return husk_fail(e, HUSK_E_HOST, "libelf cannot translate: %s", elf_errmsg(-1));
	return 0;
}
