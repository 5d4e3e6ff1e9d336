/* SPDX-License-Identifier: ISC */
/*
 * names.c: an embedder's own names, which are those of the library's inside; none may take the place of
 * the other. Linked with the checks.
 */
int modules = 5, absent_modules = 6, hv_backend = 7, library_version = 8;

int core_run(void);
int elf_open(void);
int husk_fail(void);

int core_run(void)
{
	return modules;
}

int elf_open(void)
{
	return absent_modules + hv_backend;
}

int husk_fail(void)
{
	return library_version;
}
