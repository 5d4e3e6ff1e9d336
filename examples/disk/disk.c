/* SPDX-License-Identifier: ISC */
/*
 * disk.c: a small store of keys and values that outlives the machine it runs in.
 *
 *     husk-cc -O2 -mgeneral-regs-only -o disk.hvt disk.c manifest.json
 *     truncate -s 1M disk.img
 *     husk --block:storage=disk.img disk.hvt set colour green
 *     husk --block:storage=disk.img disk.hvt get colour
 *     husk --block:storage=disk.img disk.hvt list
 *     husk --block:storage=disk.img disk.hvt del colour
 *
 * "--solo5:quiet" right after disk.hvt leaves only the answer. The exit status is 0, or 1 if
 * there is no such key or something went wrong.
 *
 * The disk has two halves, and each holds a whole copy of the store: a header, then the
 * data. A change is written to the half that is not in use, its header last, with a higher
 * generation number and checksums of header and data. Whenever the machine stops, one half
 * is complete, and the next start takes the newest complete one.
 */
#include <solo5.h>
#include <string.h>

#define BLOCK_MAX 4096u			/* where things lie does not depend on the block size */
#define STORE_MAX (64u * 1024)		/* bytes of keys and values */

struct header {
	char magic[8];
	uint64_t generation;		/* the higher, the newer */
	uint64_t length;		/* bytes of data, from BLOCK_MAX after the header on */
	uint64_t data_sum;
	uint64_t header_sum;		/* of all of the above */
};

static const char magic[8] = "kvstore";

/* The device. */
static solo5_handle_t disk;
static size_t block_size;
static uint64_t half_size;		/* bytes */
static uint8_t block[BLOCK_MAX];

/* The store in memory: key, NUL, value, NUL, and so on. One byte more, always NUL. */
static char store[STORE_MAX + 1];
static size_t store_length;
static uint64_t generation;		/* 0: nothing has been stored yet */

/* ---- Console ---- */

static void print(const char *text)
{
	solo5_console_write(text, strlen(text));
}

static int fail(const char *text)
{
	print("disk: ");
	print(text);
	print("\n");
	return SOLO5_EXIT_FAILURE;
}

/* ---- Disk ---- */

/* FNV-1a: it finds writes that did not finish, not forgeries. */
static uint64_t checksum(const void *data, size_t size)
{
	const uint8_t *p = data;
	uint64_t sum = 0xcbf29ce484222325u;

	while (size-- > 0)
		sum = (sum ^ *p++) * 0x100000001b3u;
	return sum;
}

/* The device takes whole blocks only, so that everything passes through block[]. */
static bool disk_read(uint64_t offset, void *to, size_t size)
{
	for (size_t done = 0; done < size; done += block_size) {
		size_t n = size - done < block_size ? size - done : block_size;

		if (solo5_block_read(disk, offset + done, block, block_size) != SOLO5_R_OK)
			return false;
		memcpy((uint8_t *)to + done, block, n);
	}
	return true;
}

static bool disk_write(uint64_t offset, const void *from, size_t size)
{
	for (size_t done = 0; done < size; done += block_size) {
		size_t n = size - done < block_size ? size - done : block_size;

		memset(block, 0, block_size);
		memcpy(block, (const uint8_t *)from + done, n);
		if (solo5_block_write(disk, offset + done, block, block_size) != SOLO5_R_OK)
			return false;
	}
	return true;
}

/* NULL if all is well, else what is wrong. */
static const char *disk_open(void)
{
	struct solo5_block_info info;

	if (solo5_block_acquire("storage", &disk, &info) != SOLO5_R_OK)
		return "there is no block device called storage: see manifest.json";
	block_size = (size_t)info.block_size;
	if (block_size < 512 || block_size > BLOCK_MAX || BLOCK_MAX % block_size != 0)
		return "the block size must be 512, 1024, 2048 or 4096";
	half_size = info.capacity / 2 / BLOCK_MAX * BLOCK_MAX;
	if (half_size < 2 * BLOCK_MAX)
		return "the disk is too small: it takes 16 KiB at least";
	return NULL;
}

/* ---- The store on the disk ---- */

static uint64_t header_sum(const struct header *h)
{
	return checksum(h, offsetof(struct header, header_sum));
}

static bool is_ours(const struct header *h)
{
	return memcmp(h->magic, magic, sizeof magic) == 0;
}

static bool is_blank(const struct header *h)
{
	static const struct header zero;

	return memcmp(h, &zero, sizeof zero) == 0;
}

static size_t store_limit(void)
{
	uint64_t space = half_size - BLOCK_MAX;

	return space < STORE_MAX ? (size_t)space : STORE_MAX;
}

/* Data that is not what its header says is the remains of a write that did not finish. */
static bool load_half(uint64_t start, const struct header *h)
{
	if (!is_ours(h) || header_sum(h) != h->header_sum || h->length > store_limit())
		return false;
	if (!disk_read(start + BLOCK_MAX, store, (size_t)h->length))
		return false;
	if (checksum(store, (size_t)h->length) != h->data_sum)
		return false;
	store_length = (size_t)h->length;
	generation = h->generation;
	return true;
}

static const char *store_load(void)
{
	struct header h[2];
	int newer;

	if (!disk_read(0, &h[0], sizeof h[0]) || !disk_read(half_size, &h[1], sizeof h[1]))
		return "the disk cannot be read";
	newer = h[1].generation > h[0].generation;
	if (load_half(newer ? half_size : 0, &h[newer]) ||
	    load_half(newer ? 0 : half_size, &h[!newer]))
		return NULL;
	if (is_ours(&h[0]) && is_ours(&h[1]))
		return "both halves of the store are damaged";
	/* A new disk, or one on which the first write of all did not finish. */
	store_length = 0;
	if ((is_blank(&h[0]) || is_ours(&h[0])) && (is_blank(&h[1]) || is_ours(&h[1])))
		return NULL;
	return "the disk holds something else: give me a blank one";
}

static const char *store_save(void)
{
	struct header h = {.generation = generation + 1, .length = store_length};
	uint64_t start = h.generation % 2 == 0 ? half_size : 0;	/* the half not in use */

	memcpy(h.magic, magic, sizeof magic);
	h.data_sum = checksum(store, store_length);
	h.header_sum = header_sum(&h);
	if (!disk_write(start + BLOCK_MAX, store, store_length) ||
	    !disk_write(start, &h, sizeof h))
		return "the disk cannot be written: the old contents stay";
	generation = h.generation;
	return NULL;
}

/* ---- The store in memory ---- */

static char *next_entry(char *entry)
{
	char *value = entry + strlen(entry) + 1;

	return value + strlen(value) + 1;
}

static char *find(const char *key)
{
	for (char *e = store; e < store + store_length; e = next_entry(e)) {
		if (strlen(e) == strlen(key) && memcmp(e, key, strlen(key)) == 0)
			return e;
	}
	return NULL;
}

static void forget(char *entry)
{
	char *next = next_entry(entry);

	memmove(entry, next, (size_t)(store + store_length - next));
	store_length -= (size_t)(next - entry);
}

/* ---- Commands ---- */

static int get(const char *key)
{
	const char *entry = find(key);

	if (entry == NULL)
		return fail("no such key");
	print(entry + strlen(entry) + 1);
	print("\n");
	return SOLO5_EXIT_SUCCESS;
}

static int list(void)
{
	for (char *e = store; e < store + store_length; e = next_entry(e)) {
		print(e);
		print(" = ");
		print(e + strlen(e) + 1);
		print("\n");
	}
	return SOLO5_EXIT_SUCCESS;
}

static int save_and_answer(void)
{
	const char *problem = store_save();

	if (problem != NULL)
		return fail(problem);
	print("ok\n");
	return SOLO5_EXIT_SUCCESS;
}

static int set(const char *key, const char *value)
{
	size_t key_size = strlen(key) + 1, value_size = strlen(value) + 1;
	char *entry = find(key);

	if (entry != NULL)
		forget(entry);
	if (key_size + value_size > store_limit() - store_length)
		return fail("the store is full");
	memcpy(store + store_length, key, key_size);
	memcpy(store + store_length + key_size, value, value_size);
	store_length += key_size + value_size;
	return save_and_answer();
}

static int del(const char *key)
{
	char *entry = find(key);

	if (entry == NULL)
		return fail("no such key");
	forget(entry);
	return save_and_answer();
}

/* ---- Command line ---- */

/* Cuts the first word off *rest, which afterwards begins with the second, or is empty. */
static char *take_word(char **rest)
{
	char *word = *rest;
	char *at = word;

	while (*at != '\0' && *at != ' ')
		at++;
	if (*at == ' ')
		*at++ = '\0';
	while (*at == ' ')
		at++;
	*rest = at;
	return word;
}

static bool is(const char *word, const char *command)
{
	return strlen(word) == strlen(command) && memcmp(word, command, strlen(word)) == 0;
}

static int obey(char *line)
{
	char *rest = line;
	const char *command = take_word(&rest);
	const char *key = is(command, "list") ? "" : take_word(&rest);
	const char *value = rest;	/* to the end, blanks and all */

	if (is(command, "list"))
		return list();
	if (is(command, "get") && *key != '\0')
		return get(key);
	if (is(command, "del") && *key != '\0')
		return del(key);
	if (is(command, "set") && *key != '\0')
		return set(key, value);
	return fail("say one of: list, get KEY, set KEY VALUE, del KEY");
}

int solo5_app_main(const struct solo5_start_info *info)
{
	static char line[8192];		/* no command line is longer */
	const char *problem = disk_open();

	if (problem == NULL)
		problem = store_load();
	if (problem != NULL)
		return fail(problem);
	memcpy(line, info->cmdline, strlen(info->cmdline) + 1);
	return obey(line);
}
