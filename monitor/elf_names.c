/* SPDX-License-Identifier: ISC */
/* elf_names.c: names of numbers in an image, and of kinds of files that are not images. */
#include <string.h>

#include "elf_file.h"

const char *elf_target_name(uint32_t target)
{
	switch (target) {
	case ELF_ABI_HVT:
		return "hvt";
	case ELF_ABI_SPT:
		return "spt";
	case ELF_ABI_VIRTIO:
		return "virtio";
	case ELF_ABI_MUEN:
		return "muen";
	case ELF_ABI_GENODE:
		return "genode";
	case ELF_ABI_XEN:
		return "xen";
	default:
		return "unknown";
	}
}

/* ELF gABI, chapter 4, e_machine. */
static const struct {
	uint16_t machine;
	const char *name;
} machines[] = {
	{EM_X86_64, "x86_64"}, {EM_AARCH64, "aarch64"}, {EM_386, "i386"}, {EM_ARM, "arm"},
	{EM_RISCV, "riscv"}, {EM_PPC, "ppc"}, {EM_PPC64, "ppc64"}, {EM_S390, "s390x"},
	{EM_MIPS, "mips"}, {EM_SPARC, "sparc"}, {EM_SPARCV9, "sparc64"}, {EM_IA_64, "ia64"},
	{258, "loongarch"},
};

const char *elf_machine_name(uint16_t machine)
{
	for (size_t i = 0; i < sizeof machines / sizeof machines[0]; i++)
		if (machines[i].machine == machine)
			return machines[i].name;
	return "unknown";
}

/* Magic numbers of files that are not ELF, from the formats' documents. */
static const struct kind {
	unsigned offset, len;
	const char *bytes, *what;
} kinds[] = {
	{0, 2, "#!", "a script, not an ELF file: name the unikernel image itself"},
	{0, 2, "\x1f\x8b", "compressed with gzip: unpack it with gzip -d"},
	{0, 6, "\xfd" "7zXZ\0", "compressed with xz: unpack it with xz -d"},
	{0, 4, "\x28\xb5\x2f\xfd", "compressed with zstd: unpack it with zstd -d"},
	{0, 3, "BZh", "compressed with bzip2: unpack it with bzip2 -d"},
	{0, 4, "\x04\x22\x4d\x18", "compressed with lz4: unpack it with lz4 -d"},
	{0, 5, "\x5d\0\0\x80\0", "compressed with lzma: unpack it with xz -d"},
	{0, 2, "\x1f\x9d", "compressed with compress: unpack it with gzip -d"},
	{0, 4, "PK\x03\x04", "a zip archive: unpack it with unzip"},
	{0, 6, "7z\xbc\xaf\x27\x1c", "a 7-Zip archive: unpack it with 7z x"},
	{257, 5, "ustar", "a tar archive: unpack it with tar -x, and name the image in it"},
	{0, 8, "!<arch>\n", "an archive of object files: link it to a unikernel first"},
	{0, 4, "BC\xc0\xde", "LLVM bitcode: compile and link it to a unikernel first"},
	{0, 2, "MZ", "a PE file, for Windows or UEFI: build the unikernel for hvt"},
	{0, 4, "\xfe\xed\xfa\xce", "a Mach-O file, for macOS: build the unikernel for hvt"},
	{0, 4, "\xfe\xed\xfa\xcf", "a Mach-O file, for macOS: build the unikernel for hvt"},
	{0, 4, "\xce\xfa\xed\xfe", "a Mach-O file, for macOS: build the unikernel for hvt"},
	{0, 4, "\xcf\xfa\xed\xfe", "a Mach-O file, for macOS: build the unikernel for hvt"},
	{0, 4, "\xca\xfe\xba\xbe", "a Mach-O file, for macOS: build the unikernel for hvt"},
	{0, 4, "\0asm", "WebAssembly: build the unikernel for hvt"},
	{0, 4, "QFI\xfb", "a disk image (qcow2): name the unikernel; disks go to --block"},
	{510, 2, "\x55\xaa", "a disk image with a boot sector: name the unikernel; disks go to "
	 "--block"},
	{0, 9, "<!DOCTYPE", "an HTML page: perhaps a download that failed"},
	{0, 9, "<!doctype", "an HTML page: perhaps a download that failed"},
	{0, 5, "<html", "an HTML page: perhaps a download that failed"},
	{0, 34, "version https://git-lfs.github.com", "a pointer of Git LFS: fetch the file itself "
	 "with git lfs pull"},
};

static bool is_kind(const struct kind *k, const uint8_t *b, size_t len)
{
	return len >= k->offset + k->len && memcmp(b + k->offset, k->bytes, k->len) == 0;
}

int elf_check_kind(const uint8_t *b, size_t len, struct husk_error *e)
{
	if (len == 0)
		return husk_fail(e, HUSK_E_IMAGE, INVALID "the file is empty: copy or build it "
				 "again");
	if (len >= SELFMAG && memcmp(b, ELFMAG, SELFMAG) == 0)
		return 0;
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (is_kind(&kinds[i], b, len))
			return husk_fail(e, HUSK_E_IMAGE, INVALID "this is %s", kinds[i].what);
	return husk_fail(e, HUSK_E_IMAGE, INVALID "this is not an ELF file: "
			 "name a unikernel image built for the hvt target");
}
