/* SPDX-License-Identifier: ISC */
/* inspect.c: shows the properties of an image as text or JSON. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "json.h"
#include "machine.h"

static void rights(unsigned prot, char out[4])
{
	out[0] = (prot & MEMORY_R) != 0 ? 'r' : '-';
	out[1] = (prot & MEMORY_W) != 0 ? 'w' : '-';
	out[2] = (prot & MEMORY_X) != 0 ? 'x' : '-';
	out[3] = '\0';
}

static void text_segments(const struct elf_image *img, FILE *out)
{
	char prot[4];

	for (size_t i = 0; i < img->n_segments; i++) {
		const struct elf_segment *s = &img->segments[i];

		rights(s->prot, prot);
		fprintf(out, "segment:  0x%" PRIx64 "-0x%" PRIx64 " %s, %" PRIu64 " bytes in the file\n",
			s->start, s->end - 1, prot, s->filesz);
	}
}

static void text_devices(const struct elf_image *img, FILE *out)
{
	if (img->has_manifest && img->manifest.header.entries == 1)
		fputs("devices:  none\n", out);
	for (unsigned i = 1; img->has_manifest && i < img->manifest.header.entries; i++)
		fprintf(out, "device:   %s, %s\n", img->manifest.entry[i].name,
			manifest_type_name(img->manifest.entry[i].type));
	if (!img->has_manifest)
		fputs("devices:  no manifest\n", out);
}

/* husk's additions; NULL: not known here. */
static const char *feature_name(unsigned bit)
{
	switch (1U << bit) {
	case HUSK_FEATURE_VSOCK:
		return "vsock";
	case HUSK_FEATURE_BLOCK:
		return "block";
	case HUSK_FEATURE_NET:
		return "net";
	case HUSK_FEATURE_CLOCK:
		return "clock";
	default:
		return NULL;
	}
}

static void text_wanted(const struct elf_image *img, FILE *out)
{
	uint32_t wanted = elf_wanted(img);

	if (!img->has_husk || (wanted == 0 && img->husk.version == HUSK_NOTE_VERSION))
		return;
	fprintf(out, "wants:    Husk note version %" PRIu32, img->husk.version);
	for (; wanted != 0; wanted &= wanted - 1) {
		const unsigned bit = (unsigned)__builtin_ctz(wanted);
		const char *name = feature_name(bit);

		if (name != NULL)
			fprintf(out, ", %s", name);
		else
			fprintf(out, ", unknown bit %u", bit);
	}
	fputc('\n', out);
}

static void text(const struct elf_image *img, FILE *out)
{
	fprintf(out, "image:    %s\nmachine:  %s\n", img->name, elf_machine_name(img->machine));
	if (img->has_abi)
		fprintf(out, "abi:      %s version %" PRIu32 "\n", elf_target_name(img->abi.target),
			img->abi.version);
	else
		fputs("abi:      none\n", out);
	fprintf(out, "entry:    0x%" PRIx64 "\n", img->entry);
	text_segments(img, out);
	fprintf(out, "end:      0x%" PRIx64 " with zero-filled data\n", img->bss_end);
	text_devices(img, out);
	text_wanted(img, out);
}

static void json_segments(const struct elf_image *img, struct json *j)
{
	char prot[4];

	json_open(j, "segments", '[');
	for (size_t i = 0; i < img->n_segments; i++) {
		const struct elf_segment *s = &img->segments[i];

		rights(s->prot, prot);
		json_open(j, NULL, '{');
		json_number(j, "start", s->start);
		json_number(j, "end", s->end);
		json_number(j, "file_size", s->filesz);
		json_number(j, "memory_size", s->memsz);
		json_string(j, "rights", prot);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void json_devices(const struct elf_image *img, struct json *j)
{
	json_open(j, "devices", '[');
	for (unsigned i = 1; i < img->manifest.header.entries; i++) {
		json_open(j, NULL, '{');
		json_string(j, "name", img->manifest.entry[i].name);
		json_string(j, "type", manifest_type_name(img->manifest.entry[i].type));
		json_number(j, "handle", i);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void json_wanted(const struct elf_image *img, struct json *j)
{
	uint32_t wanted = elf_wanted(img);

	json_open(j, "husk", '{');
	json_number(j, "version", img->husk.version);
	json_number(j, "wanted", img->husk.wanted);
	json_open(j, "features", '[');
	for (; wanted != 0; wanted &= wanted - 1) {
		const char *name = feature_name((unsigned)__builtin_ctz(wanted));

		if (name != NULL)
			json_string(j, NULL, name);
	}
	json_close(j, ']');
	json_close(j, '}');
}

static void json_image(const struct elf_image *img, FILE *out)
{
	struct json j;

	json_begin(&j, out);
	json_string(&j, "image", img->name);
	json_string(&j, "machine", elf_machine_name(img->machine));
	if (img->has_abi) {
		json_open(&j, "abi", '{');
		json_string(&j, "target", elf_target_name(img->abi.target));
		json_number(&j, "version", img->abi.version);
		json_close(&j, '}');
	}
	json_number(&j, "entry", img->entry);
	json_segments(img, &j);
	json_number(&j, "end", img->bss_end);
	if (img->has_manifest)
		json_devices(img, &j);
	if (img->has_husk)
		json_wanted(img, &j);
	json_end(&j);
}

int husk_inspect(const struct husk *h, const char *path, int json, FILE *out,
		 struct husk_error *e)
{
	const struct elf_stop stop = {h->config.stopping, h->config.stopping_ctx};
	/* Not on the stack, which the starter may have limited. */
	struct elf_image *img = malloc(sizeof *img);
	int rc;

	if (img == NULL)
		return husk_fail_sys(e, ENOMEM, "image");
	rc = elf_open(img, path, &stop, e);
	if (rc == 0) {
		(json ? json_image : text)(img, out);
		elf_close(img);
	}
	free(img);
	return rc;
}
