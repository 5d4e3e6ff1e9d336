/* SPDX-License-Identifier: ISC */
/* notes.c: the notes of a core file, one behind the other. */
#include "notes.h"

#include <elf.h>
#include <stdio.h>
#include <string.h>

#include "../../include/hvt_abi.h"
#include "json.h"
#include "symbols.h"

#define OWNER "CORE"
#define OWN_OWNER "Husk"
/* JSON. gdb knows a core's notes by their type alone: so it is none of gdb's, nor 1 (include/husk_abi.h). */
#define OWN_TYPE 0x6b737548u

/* Offsets in Linux's struct elf_prstatus of 64-bit machines; the registers are followed by an int. */
#define STATUS_SIGNO 0u
#define STATUS_CURSIG 12u
#define STATUS_PID 32u
#define STATUS_REGISTERS 112u
#define STATUS_MAX 512u

/* In its struct elf_prpsinfo. */
#define INFO_SIZE 136u
#define INFO_PID 24u
#define INFO_NAME 40u
#define INFO_NAME_SIZE 16u
#define INFO_COMMAND 56u
#define INFO_COMMAND_SIZE 80u

#define COMMAND_LINE_MAX 1024u

/* What ld makes of --build-id=sha1, and how far behind a segment's beginning it is looked for. */
#define ID_SIZE 20u
#define ID_WITHIN 4096u

/* Where the next note goes. */
struct notes {
	uint8_t *out;
	size_t n;
};

static void add(struct notes *to, const char *owner, uint32_t type, const void *desc, size_t len)
{
	const Elf64_Nhdr head = {
		.n_namesz = (Elf64_Word)strlen(owner) + 1, .n_descsz = (Elf64_Word)len, .n_type = type,
	};
	const size_t named = sizeof head + ((size_t)head.n_namesz + 3) / 4 * 4;

	if (named + len + 3 > NOTES_MAX - to->n)
		return;
	memmove(to->out + to->n + named, desc, len);
	memset(to->out + to->n, 0, named);
	memset(to->out + to->n + named + len, 0, (4 - len % 4) % 4);
	memcpy(to->out + to->n, &head, sizeof head);
	memcpy(to->out + to->n + sizeof head, owner, head.n_namesz);
	to->n += named + (len + 3) / 4 * 4;
}

static void add_status(struct notes *to, const struct remains *r, int pid)
{
	const int16_t current = (int16_t)r->signal;
	const int32_t valid = r->has_fp;
	uint64_t registers[64];
	uint8_t status[STATUS_MAX] = {0};

	memcpy(status + STATUS_SIGNO, &r->signal, sizeof r->signal);
	memcpy(status + STATUS_CURSIG, &current, sizeof current);
	memcpy(status + STATUS_PID, &pid, sizeof pid);
	notes_registers(r, registers);
	memcpy(status + STATUS_REGISTERS, registers, notes_registers_size);
	memcpy(status + STATUS_REGISTERS + notes_registers_size, &valid, sizeof valid);
	add(to, OWNER, NT_PRSTATUS, status, STATUS_REGISTERS + notes_registers_size + 8);
}

static void add_info(struct notes *to, const char *image, int pid)
{
	const char *slash = strrchr(image, '/');
	uint8_t info[INFO_SIZE] = {0};

	memcpy(info + INFO_PID, &pid, sizeof pid);
	snprintf((char *)info + INFO_NAME, INFO_NAME_SIZE, "%s", slash == NULL ? image : slash + 1);
	snprintf((char *)info + INFO_COMMAND, INFO_COMMAND_SIZE, "%s", image);
	add(to, OWNER, NT_PRPSINFO, info, sizeof info);
}

static void write_counts(struct json *j, const struct core *c)
{
	json_open(j, "exits", '{');
	for (enum hv_exit_kind k = 0; k < HV_EXIT_KINDS; k++)
		json_number(j, hv_exit_name(k), c->exits[k]);
	json_close(j, '}');
	json_open(j, "hypercalls", '{');
	for (unsigned nr = 0; nr < HYPERCALLS_MAX; nr++)
		if (c->hypercalls.table[nr].name != NULL)
			json_number(j, c->hypercalls.table[nr].name, c->hypercalls.table[nr].count);
	json_close(j, '}');
}

static void write_devices(struct json *j, const struct manifest *m)
{
	json_open(j, "devices", '[');
	for (uint32_t i = 1; i < m->header.entries && i < MFT_MAX_ENTRIES; i++) {
		json_open(j, NULL, '{');
		json_string(j, "name", m->entry[i].name);
		json_string(j, "type", manifest_type_name(m->entry[i].type));
		json_close(j, '}');
	}
	json_close(j, ']');
}

/* Written before the guest ran, and read-only for it; a longer one is cut. */
static void write_command_line(struct json *j, const struct memory *m)
{
	struct husk_error ignored;
	struct hvt_boot_info info;
	char text[COMMAND_LINE_MAX] = "";

	if (memory_read(m, (gpa_t){HVT_BOOT_INFO_GPA}, &info, sizeof info, &ignored) == -1 ||
	    memory_read(m, (gpa_t){info.cmdline}, text, sizeof text - 1, &ignored) == -1)
		return;
	json_string(j, "command_line", text);
}

/* A note of the linker's in a read-only segment, near its beginning: ELF gABI, "Note Section". */
static bool find_build_id(const struct memory *m, const struct memory_range *r, char hex[2 * ID_SIZE + 1])
{
	static const uint32_t head[] = {4, ID_SIZE, NT_GNU_BUILD_ID, 0x00554e47 /* "GNU" */};
	uint8_t note[sizeof head + ID_SIZE];
	struct husk_error ignored;

	for (uint64_t at = r->start; at < r->start + ID_WITHIN && at + sizeof note <= r->last; at += 4) {
		if (memory_read(m, (gpa_t){at}, note, sizeof note, &ignored) == -1)
			return false;
		if (memcmp(note, head, sizeof head) != 0)
			continue;
		for (size_t i = 0; i < ID_SIZE; i++)
			snprintf(hex + 2 * i, 3, "%02x", note[sizeof head + i]);
		return true;
	}
	return false;
}

static void write_build_id(struct json *j, const struct memory *m)
{
	char hex[2 * ID_SIZE + 1];

	for (size_t i = 0; i < m->n_ranges; i++)
		if (m->ranges[i].prot == MEMORY_R && m->ranges[i].start >= HVT_GUEST_MIN_BASE &&
		    find_build_id(m, &m->ranges[i], hex)) {
			json_string(j, "build_id", hex);
			return;
		}
}

static void write_own(const struct core *c, const struct remains *r, const struct elf_image *img,
		      FILE *out)
{
	struct json j;

	json_begin(&j, out);
	json_string(&j, "husk", HUSK_VERSION);
	json_string(&j, "reason", r->reason);
	json_number(&j, "status", (uint64_t)(uint32_t)r->status);
	json_string(&j, "registers", r->lost ? "lost" : "as the guest left them");
	json_number(&j, "memory", c->memory.size);
	if (img != NULL)
		json_string(&j, "image", img->name);
	write_build_id(&j, &c->memory);
	write_command_line(&j, &c->memory);
	write_counts(&j, c);
	if (img != NULL)
		write_devices(&j, &img->manifest);
	json_end(&j);
}

/* What does not fit, or finds no memory, is left out: the core is of use without. */
static void add_own(struct notes *to, const struct core *c, const struct remains *r,
		    const struct elf_image *img)
{
	char *text = (char *)to->out + NOTES_MAX / 2;	/* behind all else, until it is copied */
	FILE *out = fmemopen(text, NOTES_MAX / 2, "w");

	if (out == NULL)
		return;
	write_own(c, r, img, out);
	if (fclose(out) == 0)
		add(to, OWN_OWNER, OWN_TYPE, text, strnlen(text, NOTES_MAX / 2 - 1));
}

size_t notes_write(const struct core *c, const struct remains *r, int pid, uint8_t *out)
{
	const struct elf_image *img = c->symbols == NULL ? NULL : c->symbols->image;
	struct notes to = {.out = out};

	add_status(&to, r, pid);
	if (r->has_fp) {
		uint8_t fp[NOTES_FP_MAX];

		notes_fp(&r->fp, fp);
		add(&to, OWNER, NT_FPREGSET, fp, notes_fp_size);
	}
	add_info(&to, img == NULL ? "guest" : img->name, pid);
	add_own(&to, c, r, img);
	return to.n;
}
