/* SPDX-License-Identifier: ISC */
/*
 * replay.c: gives stored inputs to a fuzzer's entry point, without a fuzzing engine.
 *
 * Inputs are the files named as arguments or, without arguments, those of the fuzzer's own corpus
 * below $SRC: replay_elf takes tests/fuzz/corpus/fuzz_elf. Prints TAP: an input passes when the
 * entry point comes back; a crash ends the program before its plan is fulfilled.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The whole file in a block of exactly its size, so that ASan sees the first byte beyond. */
static uint8_t *read_all(const char *path, size_t *size)
{
	uint8_t *data = NULL;
	long end;
	FILE *f = fopen(path, "rb");

	if (f == NULL)
		return NULL;
	if (fseek(f, 0, SEEK_END) == 0 && (end = ftell(f)) >= 0) {
		rewind(f);
		*size = (size_t)end;
		data = malloc(*size > 0 ? *size : 1);
		if (data != NULL && fread(data, 1, *size, f) != *size) {
			free(data);
			data = NULL;
		}
	}
	fclose(f);
	return data;
}

static int replay(int number, const char *path)
{
	size_t size = 0;
	uint8_t *data = read_all(path, &size);
	const char *name = strrchr(path, '/');

	name = name != NULL ? name + 1 : path;
	if (data == NULL) {
		printf("not ok %d - %s: cannot be read\n", number, name);
		return 1;
	}
	/* Said before, because a crash leaves no chance to say it after. */
	fprintf(stderr, "input: %s\n", name);
	LLVMFuzzerTestOneInput(data, size);
	printf("ok %d - %s\n", number, name);
	free(data);
	return 0;
}

static int replay_list(int count, char **paths)
{
	int failed = 0;

	printf("1..%d\n", count);
	for (int i = 0; i < count; i++)
		failed |= replay(i + 1, paths[i]);
	return failed;
}

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int replay_directory(const char *dir)
{
	struct dirent **entries;
	int failed = 0;
	int count = scandir(dir, &entries, visible, alphasort);

	if (count <= 0 || chdir(dir) != 0) {
		printf("1..0 # SKIP no inputs in %s\n", dir);
		return 0;
	}
	printf("1..%d\n", count);
	for (int i = 0; i < count; i++) {
		failed |= replay(i + 1, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return failed;
}

int main(int argc, char **argv)
{
	const char *src = getenv("SRC");
	const char *name = strrchr(argv[0], '/');
	char dir[4096];

	/* A crash must not take with it what was already said. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1)
		return replay_list(argc - 1, argv + 1);
	name = name != NULL ? name + 1 : argv[0];
	name = strncmp(name, "replay_", 7) == 0 ? name + 7 : name;
	src = src != NULL ? src : ".";
	if (snprintf(dir, sizeof dir, "%s/tests/fuzz/corpus/fuzz_%s", src, name) >= (int)sizeof dir)
		return 1;
	return replay_directory(dir);
}
