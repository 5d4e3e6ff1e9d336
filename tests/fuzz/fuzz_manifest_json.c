/* SPDX-License-Identifier: ISC */
/* fuzz_manifest_json.c: manifests in JSON, as far as husk-manifest goes without files. */
#define HUSK_VERSION "fuzz"
#define main husk_manifest_main
int husk_manifest_main(int argc, char **argv);
#include "../../bindings/husk-manifest.c"

#define CHECK(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What JSON becomes is what the monitor takes, and C in which nothing of the JSON's is code. */
static void check_accepted(const struct manifest *m)
{
	struct husk_error e = {0};
	struct manifest parsed;
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	CHECK(f != NULL && manifest_parse(&parsed, m, manifest_size(m), &e) == 0);
	CHECK(memcmp(m, &parsed, sizeof parsed) == 0);
	print_c(f, m);
	CHECK(fclose(f) == 0 && strspn(text, " \t\n\"#'(),*-./:;=[]_{}0123456789"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == len);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct husk_error e = {0};
	struct manifest m;

	if (decode_manifest(&m, (const char *)data, size, "fuzz", &e) == 0)
		check_accepted(&m);
	else
		CHECK(e.kind == HUSK_E_USAGE && strncmp(e.message, "fuzz:", 5) == 0);
	return 0;
}
