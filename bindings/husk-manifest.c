/* SPDX-License-Identifier: ISC */
/*
 * husk-manifest.c: makes an image's manifest from JSON, and shows what an image declares.
 *
 * Called as solo5-elftool it is a replacement for that.
 */
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../include/elf_abi.h"
#include "../include/husk_abi.h"
#include "../monitor/device_types.h"
#include "../monitor/elf.h"
#include "../monitor/error.h"
#include "../monitor/manifest.h"

#define DEVICES_MAX (MFT_MAX_ENTRIES - 1)
#define NAME_FORMAT "%.150s"		/* so that a long one leaves room for the problem */
#define SOURCE_MAX ((size_t)1 << 20)	/* bytes; 63 devices take a hundredth of that */

/* ---- JSON to manifest ---- */

static const char *type_name(const json_t *j)
{
	static const char *const names[] = {
		[JSON_OBJECT] = "OBJECT", [JSON_ARRAY] = "ARRAY", [JSON_STRING] = "STRING",
		[JSON_INTEGER] = "INTEGER", [JSON_REAL] = "REAL", [JSON_TRUE] = "BOOLEAN",
		[JSON_FALSE] = "BOOLEAN", [JSON_NULL] = "NULL",
	};

	return names[json_typeof(j)];
}

static int expect(const json_t *j, json_type type, const char *name, const char *where,
		  struct husk_error *e)
{
	if (json_typeof(j) == type)
		return 0;
	return husk_fail(e, HUSK_E_USAGE, "%s: expected %s, got %s", where, name, type_name(j));
}

static bool is_listed(const char *key, const char *const *keys)
{
	while (*keys != NULL && strcmp(key, *keys) != 0)
		keys++;
	return *keys != NULL;
}

/* The object has exactly these keys. */
static int expect_keys(json_t *object, const char *const *keys, const char *where,
		       struct husk_error *e)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value) {
		if (!is_listed(key, keys))
			return husk_fail(e, HUSK_E_USAGE, "%s: unknown key: %.80s", where, key);
	}
	for (; *keys != NULL; keys++) {
		if (json_object_get(object, *keys) == NULL)
			return husk_fail(e, HUSK_E_USAGE, "%s: missing .%s", where, *keys);
	}
	return 0;
}

static int decode_name(struct mft_entry *entry, const json_t *j, const char *where,
		       struct husk_error *e)
{
	static const char allowed[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"abcdefghijklmnopqrstuvwxyz";
	const char *name;

	if (expect(j, JSON_STRING, "STRING", where, e) != 0)
		return -1;
	name = json_string_value(j);
	if (name[0] == '\0')
		return husk_fail(e, HUSK_E_USAGE, "%s: may not be empty", where);
	if (strlen(name) > MFT_NAME_MAX)
		return husk_fail(e, HUSK_E_USAGE, "%s: too long, maximum %u characters", where,
				 MFT_NAME_MAX);
	if (name[strspn(name, allowed)] != '\0')
		return husk_fail(e, HUSK_E_USAGE, "%s: not alphanumeric: %s", where, name);
	memcpy(entry->name, name, strlen(name));
	return 0;
}

/* "A", "B" or "C" */
static void list_types(char *text, size_t room)
{
	const struct device_type *t, *next;
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; (t = device_type_at(i)) != NULL && used < room; i++) {
		next = device_type_at(i + 1);
		used += (size_t)snprintf(text + used, room - used, "\"%s\"%s", t->name,
					 next == NULL ? "" :
					 device_type_at(i + 2) == NULL ? " or " : ", ");
	}
}

static int decode_type(struct mft_entry *entry, const json_t *j, const char *where,
		       struct husk_error *e)
{
	const struct device_type *t;
	char known[160];

	if (expect(j, JSON_STRING, "STRING", where, e) != 0)
		return -1;
	t = device_type_named(json_string_value(j));
	if (t != NULL) {
		entry->type = t->number;
		return 0;
	}
	list_types(known, sizeof known);
	return husk_fail(e, HUSK_E_USAGE, "%s: invalid type \"%.40s\", expected %s", where,
			 json_string_value(j), known);
}

static int decode_device(struct manifest *m, json_t *j, size_t i, struct husk_error *e)
{
	static const char *const keys[] = {"name", "type", NULL};
	struct mft_entry entry = {.type = 0};
	char where[40], name[48], type[48];

	snprintf(where, sizeof where, ".devices[%zu]", i);
	snprintf(name, sizeof name, "%s.name", where);
	snprintf(type, sizeof type, "%s.type", where);
	if (expect(j, JSON_OBJECT, "OBJECT", where, e) != 0 ||
	    expect_keys(j, keys, where, e) != 0 ||
	    decode_name(&entry, json_object_get(j, "name"), name, e) != 0 ||
	    decode_type(&entry, json_object_get(j, "type"), type, e) != 0)
		return -1;
	if (manifest_find(m, entry.name, entry.type) != 0)
		return husk_fail(e, HUSK_E_USAGE, "%s: device %s of type %s is "
				 "declared twice", where,
				 entry.name, manifest_type_name(entry.type));
	m->entry[m->header.entries++] = entry;
	return 0;
}

static int decode_devices(struct manifest *m, const json_t *devices, struct husk_error *e)
{
	size_t i;

	if (expect(devices, JSON_ARRAY, "ARRAY", ".devices", e) != 0)
		return -1;
	if (json_array_size(devices) > DEVICES_MAX)
		return husk_fail(e, HUSK_E_USAGE, ".devices[]: too many entries, maximum %u",
				 DEVICES_MAX);
	for (i = 0; i < json_array_size(devices); i++) {
		if (decode_device(m, json_array_get(devices, i), i, e) != 0)
			return -1;
	}
	return 0;
}

static int decode_root(struct manifest *m, json_t *root, struct husk_error *e)
{
	static const char *const keys[] = {"type", "version", "devices", NULL};
	const json_t *type, *version;

	if (expect(root, JSON_OBJECT, "OBJECT", "(root)", e) != 0 ||
	    expect_keys(root, keys, "(root)", e) != 0)
		return -1;
	type = json_object_get(root, "type");
	version = json_object_get(root, "version");
	if (expect(type, JSON_STRING, "STRING", ".type", e) != 0 ||
	    expect(version, JSON_INTEGER, "INTEGER", ".version", e) != 0)
		return -1;
	if (strcmp(json_string_value(type), "solo5.manifest") != 0)
		return husk_fail(e, HUSK_E_USAGE, ".type: invalid value, expected "
				 "\"solo5.manifest\"");
	if (json_integer_value(version) != MFT_VERSION)
		return husk_fail(e, HUSK_E_USAGE, ".version: invalid version %lld, expected %u",
				 (long long)json_integer_value(version), MFT_VERSION);
	return decode_devices(m, json_object_get(root, "devices"), e);
}

static int syntax_error(const json_error_t *error, const char *source, struct husk_error *e)
{
	bool early = json_error_code(error) == json_error_premature_end_of_input;

	return husk_fail(e, HUSK_E_USAGE, NAME_FORMAT ":%d: %s in JSON data", source,
			 error->line > 0 ? error->line : 1, early ? "premature EOF" : error->text);
}

/* Messages begin with the source's name, and its line if it is not JSON at all. */
static int decode_manifest(struct manifest *m, const char *text, size_t len, const char *source,
			   struct husk_error *e)
{
	json_error_t error;
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	int rc;

	if (root == NULL)
		return syntax_error(&error, source, e);
	memset(m, 0, sizeof *m);
	m->header = (struct mft_header){.version = MFT_VERSION, .entries = 1};
	m->entry[0].type = MFT_RESERVED_FIRST;
	rc = decode_root(m, root, e);
	json_decref(root);
	return rc == 0 ? 0 : husk_wrap(e, NAME_FORMAT, source);
}

/* ---- manifest to C ---- */

/* What of husk's additions is for these devices. */
static uint32_t features_of(const struct manifest *m)
{
	uint32_t features = 0;

	for (unsigned i = 1; i < m->header.entries; i++)
		features |= m->entry[i].type == HUSK_DEV_VSOCK ? HUSK_FEATURE_VSOCK :
			    m->entry[i].type == MFT_DEV_BLOCK_BASIC ? HUSK_FEATURE_BLOCK :
			    m->entry[i].type == MFT_DEV_NET_BASIC ? HUSK_FEATURE_NET : 0;
	return features;
}

/* The linker script prefers a note of the application's own. */
static void print_features(FILE *f, uint32_t features)
{
	fprintf(f, "\n/* What of husk's additions is for them, as another. */\n"
		"static const struct {\n"
		"\tunsigned int namesz, descsz, type;\n"
		"\tchar owner[8];\n"
		"\tunsigned int version, wanted;\n"
		"} husk_wants __attribute__((used, section(\".note.husk_manifest\"), "
		"aligned(4))) = {\n"
		"\t%zu, %zu, %u, \"%s\", %u, 0x%x\n};\n",
		sizeof HUSK_NOTE_OWNER, sizeof(struct husk_note), HUSK_NOTE_TYPE, HUSK_NOTE_OWNER,
		HUSK_NOTE_VERSION, features);
}

/* Self-contained, so that it compiles for whatever guest it goes into. */
static void print_c(FILE *f, const struct manifest *m)
{
	size_t descsz = ELF_ABI_NOTE_MFT1_PAD + manifest_size(m);
	unsigned i;

	fprintf(f, "/* Written by husk-manifest: an image's devices, as an ELF note. */\n"
		"static const struct {\n"
		"\tunsigned int namesz, descsz, type;\n"
		"\tchar owner[8];\n"
		"\tunsigned int pad, version, entries;\n"
		"\tstruct {\n"
		"\t\tchar name[%u];\n"
		"\t\tunsigned int type;\n"
		"\t\tunsigned char zero[32];\n"
		"\t} entry[%u];\n"
		"} husk_manifest __attribute__((used, section(\".note.solo5.manifest\"), "
		"aligned(4))) = {\n"
		"\t%zu, %zu, 0x%x, \"%s\", 0, %u, %u,\n\t{\n",
		MFT_NAME_SIZE, m->header.entries, sizeof ELF_ABI_NOTE_OWNER, descsz,
		ELF_ABI_NOTE_MFT1, ELF_ABI_NOTE_OWNER, m->header.version, m->header.entries);
	for (i = 0; i < m->header.entries; i++)
		fprintf(f, "\t\t{\"%s\", 0x%x, {0}},\t/* %s */\n", m->entry[i].name,
			m->entry[i].type, manifest_type_name(m->entry[i].type));
	fprintf(f, "\t}\n};\n_Static_assert(sizeof husk_manifest == %zu, \"layout\");\n",
		ELF_ABI_NOTE_HEADER_SIZE + descsz);
	if (features_of(m) != 0)
		print_features(f, features_of(m));
}

/* ---- files ---- */

static bool is_standard(const char *path)
{
	return strcmp(path, "-") == 0;
}

/* Reads until the end into a block that the caller frees, also after a failure. */
static int read_stream(FILE *f, char **text, size_t *len, struct husk_error *e)
{
	*text = malloc(SOURCE_MAX + 1);
	if (*text == NULL)
		return husk_fail_sys(e, errno, "Could not read");
	*len = fread(*text, 1, SOURCE_MAX + 1, f);
	if (ferror(f))
		return husk_fail_sys(e, errno, "Could not read");
	if (*len > SOURCE_MAX)
		return husk_fail(e, HUSK_E_USAGE, "more than %zu bytes are no manifest",
				 SOURCE_MAX);
	return 0;
}

static int read_source(const char *path, char **text, size_t *len, struct husk_error *e)
{
	FILE *f;
	int rc;

	if (is_standard(path))
		return read_stream(stdin, text, len, e);
	f = fopen(path, "rb");
	if (f == NULL)
		return husk_fail_sys(e, errno, "Could not open");
	rc = read_stream(f, text, len, e);
	fclose(f);
	return rc;
}

static int write_stream(FILE *f, const char *text, size_t len, struct husk_error *e)
{
	errno = EIO;
	if (fwrite(text, 1, len, f) != len || fflush(f) != 0 || ferror(f))
		return husk_fail_sys(e, errno, "Could not write");
	return 0;
}

static int close_written(FILE *f, int rc, struct husk_error *e)
{
	if (fclose(f) != 0 && rc == 0)
		rc = husk_fail_sys(e, errno, "Could not write");
	return rc;
}

/* An existing object that is no file, such as a pipe, is written to, not replaced. */
static int write_in_place(const char *path, const char *text, size_t len, struct husk_error *e)
{
	FILE *f = fopen(path, "wb");

	if (f == NULL)
		return husk_fail_sys(e, errno, "Could not open");
	return close_written(f, write_stream(f, text, len, e), e);
}

static mode_t default_mode(void)
{
	mode_t mask = umask(0);

	umask(mask);
	return 0666 & ~mask;
}

static int write_temporary(char *path, mode_t mode, const char *text, size_t len,
			   struct husk_error *e)
{
	int fd = mkstemp(path);
	FILE *f;

	if (fd < 0)
		return husk_fail_sys(e, errno, "Could not create");
	f = fdopen(fd, "wb");
	if (f == NULL || fchmod(fd, mode) != 0) {
		husk_fail_sys(e, errno, "Could not create");
		if (f != NULL)
			fclose(f);
		else
			close(fd);
		return -1;
	}
	return close_written(f, write_stream(f, text, len, e), e);
}

/* Through a temporary file, so that readers never see a partial file. */
static int replace_file(const char *path, mode_t mode, const char *text, size_t len,
			struct husk_error *e)
{
	char *temporary;
	int rc;

	if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
		return husk_fail_sys(e, ENOMEM, "Could not create");
	rc = write_temporary(temporary, mode, text, len, e);
	if (rc == 0 && rename(temporary, path) != 0)
		rc = husk_fail_sys(e, errno, "Could not create");
	if (rc != 0)
		unlink(temporary);
	free(temporary);
	return rc;
}

static int write_file(const char *path, const char *text, size_t len, struct husk_error *e)
{
	struct stat st = {.st_mode = S_IFREG | default_mode()};
	char *target;
	int rc;

	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return write_in_place(path, text, len, e);
	target = realpath(path, NULL);	/* a symbolic link stays one */
	rc = replace_file(target == NULL ? path : target, st.st_mode & 0777, text, len, e);
	free(target);
	return rc;
}

/* ---- commands ---- */

static int write_manifest(const struct manifest *m, const char *path, struct husk_error *e)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	int rc;

	if (f == NULL)
		return husk_fail_sys(e, errno, "Could not write");
	print_c(f, m);
	if (fclose(f) != 0)
		rc = husk_fail_sys(e, errno, "Could not write");
	else if (is_standard(path))
		rc = write_stream(stdout, text, len, e);
	else
		rc = write_file(path, text, len, e);
	free(text);
	return rc;
}

static int gen(char **args, struct husk_error *e)
{
	const char *source = is_standard(args[0]) ? "standard input" : args[0];
	const char *output = is_standard(args[1]) ? "standard output" : args[1];
	struct manifest m;
	char *text = NULL;
	size_t len;
	int rc = read_source(args[0], &text, &len, e);

	if (rc != 0)
		husk_wrap(e, NAME_FORMAT, source);
	else
		rc = decode_manifest(&m, text, len, source, e);
	free(text);
	if (rc != 0)
		return rc;
	return write_manifest(&m, args[1], e) == 0 ? 0 : husk_wrap(e, NAME_FORMAT, output);
}

static void print_devices(const struct manifest *m)
{
	const char *comma = "";
	unsigned i;

	for (i = 1; i < m->header.entries; i++) {
		if (m->entry[i].type >= MFT_RESERVED_FIRST)
			continue;
		printf("%s    { \"name\": \"%s\", \"type\": \"%s\" }", comma, m->entry[i].name,
		       manifest_type_name(m->entry[i].type));
		comma = ",\n";
	}
	if (comma[0] != '\0')
		printf("\n");
}

static int print_manifest(const struct elf_image *img, struct husk_error *e)
{
	if (!img->has_manifest)
		return husk_fail(e, HUSK_E_IMAGE, NAME_FORMAT ": No Solo5 manifest found in "
				 "executable", img->name);
	printf("{\n  \"type\": \"solo5.manifest\",\n  \"version\": %u,\n  \"devices\": [\n",
	       img->manifest.header.version);
	print_devices(&img->manifest);
	printf("  ]\n}\n");
	return write_stream(stdout, "", 0, e);
}

static int print_abi(const struct elf_image *img, struct husk_error *e)
{
	if (!img->has_abi)
		return husk_fail(e, HUSK_E_IMAGE, NAME_FORMAT ": No Solo5 ABI information found in "
				 "executable", img->name);
	printf("{\n  \"type\": \"solo5.abi\",\n  \"target\": \"%s\",\n  \"version\": %u\n}\n",
	       elf_target_name(img->abi.target), img->abi.version);
	return write_stream(stdout, "", 0, e);
}

static int with_image(const char *path, int (*print)(const struct elf_image *, struct husk_error *),
		      struct husk_error *e)
{
	struct elf_image img;
	int rc;

	if (elf_open(&img, path, NULL, e) != 0)
		return -1;
	rc = print(&img, e);
	elf_close(&img);
	return rc;
}

static int query(char **args, struct husk_error *e)
{
	return with_image(args[0], print_manifest, e);
}

static int abi(char **args, struct husk_error *e)
{
	return with_image(args[0], print_abi, e);
}

/* ---- command line ---- */

static const struct command {
	const char *name, *elftool_name;
	int n_args;
	const char *args, *help;
	int (*run)(char **args, struct husk_error *e);
} commands[] = {
	{"gen", "gen-manifest", 2, "SOURCE OUTPUT",
	 "make OUTPUT, a C file, from SOURCE, a manifest in JSON", gen},
	{"query", "query-manifest", 1, "BINARY", "show the manifest of an image", query},
	{"abi", "query-abi", 1, "BINARY", "show the target and ABI version of an image", abi},
};
#define N_COMMANDS (sizeof commands / sizeof commands[0])

static int usage(FILE *f, const char *prog, int status)
{
	bool elftool = strcmp(prog, "solo5-elftool") == 0;
	size_t i;

	fprintf(f, "usage: %s COMMAND ...\n\n", prog);
	for (i = 0; i < N_COMMANDS; i++) {
		fprintf(f, "  %s %s\n      %s\n",
			elftool ? commands[i].elftool_name : commands[i].name, commands[i].args,
			commands[i].help);
	}
	fprintf(f, "  --help, --version\n\n"
		"\"-\" as SOURCE or OUTPUT is standard input or output.\n");
	return status;
}

static const struct command *find_command(const char *name)
{
	size_t i;

	for (i = 0; i < N_COMMANDS; i++) {
		if (strcmp(name, commands[i].name) == 0 ||
		    strcmp(name, commands[i].elftool_name) == 0)
			return &commands[i];
	}
	return NULL;
}

/* Texts from a file may contain control characters. */
static void report(const char *prog, struct husk_error *e)
{
	char *c;

	for (c = e->message; *c != '\0'; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	}
	fprintf(stderr, "%s: %s\n", prog, e->message);
}

int main(int argc, char **argv)
{
	const char *prog = argc > 0 && strrchr(argv[0], '/') != NULL ?
		strrchr(argv[0], '/') + 1 : argc > 0 ? argv[0] : "husk-manifest";
	const struct command *command = argc > 1 ? find_command(argv[1]) : NULL;
	struct husk_error e;

	if (argc > 1 && strcmp(argv[1], "--help") == 0)
		return usage(stdout, prog, 0);
	if (argc > 1 && strcmp(argv[1], "--version") == 0) {
		printf("%s %s\n", prog, HUSK_VERSION);
		return 0;
	}
	if (command == NULL || argc - 2 != command->n_args)
		return usage(stderr, prog, 1);
	if (command->run(argv + 2, &e) != 0) {
		report(prog, &e);
		return 1;
	}
	return 0;
}
