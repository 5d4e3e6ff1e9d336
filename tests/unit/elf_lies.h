/* SPDX-License-Identifier: ISC */
/*
 * elf_lies.h: what can be wrong with an image, and what looks wrong and is not.
 *
 * Included by test_elf.c once for the functions and once for the list of tests. Each row
 * changes one thing in the good image i: LIE(its name, the step that refuses it, part of
 * the message, the change), TRUTH(its name, the change).
 */

/* The file as such. */
LIE(an_empty_file, OPEN, ": invalid executable: the file is empty", i->size = 0)
LIE(a_file_of_one_byte, OPEN, "this is not an ELF file", i->size = 1)
LIE(a_file_of_three_bytes, OPEN, "this is not an ELF file", i->size = 3)
LIE(a_script, OPEN, "this is a script, not an ELF file", make_text(i, "#!/bin/sh\n", 10))
LIE(the_shortest_script, OPEN, "this is a script, not an ELF file", make_text(i, "#!", 2))
LIE(gzip, OPEN, "invalid executable: this is compressed with gzip: unpack it with gzip -d", make_text(i, "\x1f\x8b\b", 3))
LIE(xz, OPEN, "invalid executable: this is compressed with xz: unpack it with xz -d", make_text(i, "\xfd" "7zXZ\0", 6))
LIE(zstd, OPEN, "invalid executable: this is compressed with zstd: unpack it with zstd -d", make_text(i, "(\xb5/\xfd", 4))
LIE(bzip2, OPEN, "invalid executable: this is compressed with bzip2: unpack it with bzip2 -d", make_text(i, "BZh9", 4))
LIE(lz4, OPEN, "invalid executable: this is compressed with lz4: unpack it with lz4 -d", make_text(i, "\x04\"M\x18", 4))
LIE(zip, OPEN, "invalid executable: this is a zip archive: unpack it", make_text(i, "PK\3\4", 4))
LIE(a_pe_file, OPEN, "invalid executable: this is a PE file", make_text(i, "MZ\x90", 3))
LIE(mach_o, OPEN, "invalid executable: this is a Mach-O file", make_text(i, "\xcf\xfa\xed\xfe", 4))
LIE(mach_o_for_two_machines, OPEN, "invalid executable: this is a Mach-O file", make_text(i, "\xca\xfe\xba\xbe", 4))
LIE(an_archive, OPEN, "invalid executable: this is an archive of object files", make_text(i, "!<arch>\n", 8))
LIE(web_assembly, OPEN, "invalid executable: this is WebAssembly", make_text(i, "\0asm", 4))
LIE(a_web_page, OPEN, "invalid executable: this is an HTML page", make_text(i, "<!DOCTYPE html>", 15))
LIE(a_tar_archive, OPEN, "invalid executable: this is a tar archive", memset(i->bytes, 'x', 257),
    memcpy(i->bytes + 257, "ustar", 5), i->size = 600, i->keep_bytes = true)
LIE(what_ends_before_a_tar_archive_says_so, OPEN, "this is not an ELF file",
    memset(i->bytes, 'x', 257), memcpy(i->bytes + 257, "ustar", 5), i->size = 261,
    i->keep_bytes = true)
LIE(a_comment, OPEN, "this is not an ELF file", make_text(i, "# hello\n", 8))
LIE(a_text_file, OPEN, "this is not an ELF file", make_text(i, "h!llo, world\n", 13))
LIE(only_the_magic, OPEN, "elf header does not match the expected size (4 != 64)" CUT, i->size = 4,
    memcpy(i->bytes, ELFMAG, SELFMAG))
LIE(a_header_cut_by_one, OPEN, "elf header does not match the expected size (63 != 64)" CUT,
    i->size = 63, memcpy(i->bytes, ELFMAG, SELFMAG))
LIE(a_header_alone, OPEN, "program header does not match the expected size (504 bytes at 0x40 "
    "in a file of 64)" CUT, i->size = 64)

/* The file header. */
LIE(another_magic, OPEN, "this is not an ELF file", i->ehdr.e_ident[3] = 'f')
LIE(class_32_bit, OPEN, "this is a 32-bit ELF file", i->ehdr.e_ident[EI_CLASS] = ELFCLASS32)
LIE(class_32_bit_of_another_byte_order, OPEN, "this is a 32-bit ELF file (machine ppc)",
    i->ehdr.e_ident[EI_CLASS] = ELFCLASS32, i->ehdr.e_ident[EI_DATA] = ELFDATA2MSB,
    i->ehdr.e_machine = EM_PPC << 8)
LIE(big_endian_of_a_known_machine, OPEN, "not little-endian (EI_DATA is 2, machine s390x)",
    i->ehdr.e_ident[EI_DATA] = ELFDATA2MSB, i->ehdr.e_machine = EM_S390 << 8)
LIE(class_unknown, OPEN, "unknown ELF class 3", i->ehdr.e_ident[EI_CLASS] = 3)
LIE(class_none, OPEN, "unknown ELF class 0", i->ehdr.e_ident[EI_CLASS] = 0)
LIE(big_endian, OPEN, "not little-endian (EI_DATA is 2, machine ", i->ehdr.e_ident[EI_DATA] = ELFDATA2MSB)
LIE(no_endianness, OPEN, "not little-endian (EI_DATA is 0, machine x86_64)", i->ehdr.e_ident[EI_DATA] = 0)
LIE(version_0, OPEN, "e_version is 0, expected 1", i->ehdr.e_version = 0)
LIE(version_2, OPEN, "e_version is 2, expected 1", i->ehdr.e_version = 2)
LIE(a_small_e_ehsize, OPEN, "e_ehsize is 63, expected 64", i->ehdr.e_ehsize = 63)
LIE(a_big_e_ehsize, OPEN, "e_ehsize is 65, expected 64", i->ehdr.e_ehsize = 65)
LIE(a_pie, OPEN, "this is position-independent (ET_DYN)", i->ehdr.e_type = ET_DYN)
LIE(an_object_file, OPEN, "this is an object file (ET_REL)", i->ehdr.e_type = ET_REL)
LIE(a_core_dump, OPEN, "e_type is 4, expected 2 (ET_EXEC)", i->ehdr.e_type = ET_CORE)
LIE(no_program_headers, OPEN, "there are no program headers", i->ehdr.e_phnum = 0)
LIE(small_program_headers, OPEN, "e_phentsize is 55, expected 56", i->ehdr.e_phentsize = 55)
LIE(program_headers_of_no_size, OPEN, "e_phentsize is 0, expected 56", i->ehdr.e_phentsize = 0)
LIE(program_headers_beyond_the_end, OPEN, "program header does not match the expected size",
    i->ehdr.e_phoff = i->size)
LIE(program_headers_that_wrap, OPEN, "program header does not match the expected size",
    i->ehdr.e_phoff = UINT64_MAX - 55)
LIE(program_headers_cut_by_one, OPEN, "program header does not match the expected size",
    i->size = 64 + IMAGE_PHDRS * 56 - 1, image_finish(i))
LIE(as_many_program_headers_as_can_be, OPEN, "program header does not match the expected size "
    "(3669960 bytes at 0x40", i->ehdr.e_phnum = 65535)

/* The entry point and the machine. */
LIE(another_machine, REQUIRE, "invalid executable: built for aarch64 (e_machine is 183), but this "
    "host runs x86_64", i->ehdr.e_machine = EM_AARCH64)
LIE(an_unheard_of_machine, REQUIRE, "built for another machine (e_machine is 4711)",
    i->ehdr.e_machine = 4711)
LIE(an_entry_at_0, FIT, "e_entry does not fall within the memory allocation range (0x0 is not",
    i->ehdr.e_entry = 0)
LIE(an_entry_just_too_low, FIT, "e_entry does not fall within the memory allocation range",
    i->ehdr.e_entry = 0xfffff)
LIE(an_entry_just_too_high, FIT, "(0x104000 is not in 0x100000-0x104000)",
    i->ehdr.e_entry = IMAGE_MEM)
LIE(an_entry_in_data, FIT, "e_entry is 0x102000, and no executable bytes of the file go there",
    i->ehdr.e_entry = IMAGE_DATA_GPA)
LIE(an_entry_in_constants, FIT, "e_entry is 0x101000, and no executable bytes of the file go there",
    i->ehdr.e_entry = IMAGE_RODATA_GPA)
LIE(an_entry_in_zero_filled_data, FIT, "e_entry is 0x103000, and no executable bytes",
    i->ehdr.e_entry = IMAGE_END)
LIE(an_entry_behind_the_bytes_of_code, FIT, "e_entry is 0x100800, and no executable bytes",
    TEXT->p_filesz = 0x800, i->ehdr.e_entry = 0x100800)
LIE(an_entry_between_segments, FIT, "e_entry is 0x101fff, and no executable bytes",
    i->ehdr.e_entry = IMAGE_RODATA_GPA + 0xfff)
LIE(code_without_bytes, FIT, "e_entry is 0x100000, and no executable bytes of the file go there: it "
    "has only what debuggers want, as objcopy --only-keep-debug leaves it: name the image itself",
    TEXT->p_filesz = 0)
LIE(no_segment_with_bytes, FIT, "objcopy --only-keep-debug", TEXT->p_filesz = RODATA->p_filesz =
    DATA->p_filesz = 0)
LIE(an_entry_at_the_end_of_everything, FIT, "e_entry does not fall within",
    i->ehdr.e_entry = UINT64_MAX)

/* Notes. */
LIE(a_note_of_no_size, OPEN, "phdr[5].p_filesz " BAD_NOTE "(0 < 12)",
    i->phdr[IMAGE_OPENBSD].p_filesz = 0)
LIE(a_note_of_eleven_bytes, OPEN, "phdr[5].p_filesz " BAD_NOTE "(11 < 12)",
    i->phdr[IMAGE_OPENBSD].p_filesz = 11)
LIE(a_note_beyond_the_end, OPEN, "phdr[5] " BAD_NOTE "(20 bytes at",
    i->phdr[IMAGE_OPENBSD].p_offset = i->size)
LIE(a_note_that_wraps, OPEN, "phdr[5] " BAD_NOTE "(20 bytes at 0xfffffffffffffff0",
    i->phdr[IMAGE_OPENBSD].p_offset = -UINT64_C(16))
LIE(a_note_header_cut_by_one, OPEN, "phdr[5] " BAD_NOTE "(20 bytes at",
    i->phdr[IMAGE_OPENBSD].p_offset = i->size - 19)
LIE(an_abi_cut_by_the_end_of_the_file, OPEN, CUT, add_bad_abi(i, 16), i->size--)
LIE(an_abi_without_a_descriptor, OPEN, "phdr[7] " BAD_NOTE "(0 < 1 || 0 > 32)",
    image_nhdr(i, NOTE_ABI)->n_descsz = 0)
LIE(an_abi_of_one_byte, OPEN, "phdr[7] " BAD_NOTE "(1 < 16)",
    image_nhdr(i, NOTE_ABI)->n_descsz = 1)
LIE(an_abi_of_fifteen_bytes, OPEN, "phdr[7] " BAD_NOTE "(15 < 16)",
    image_nhdr(i, NOTE_ABI)->n_descsz = 15)
LIE(an_abi_of_33_bytes, OPEN, BAD_NOTE "(33 < 1 || 33 > 32)", add_bad_abi(i, 33))
LIE(an_abi_longer_than_its_segment, OPEN, "phdr[7] " BAD_NOTE "(36 < 37)",
    image_nhdr(i, NOTE_ABI)->n_descsz = 17)
LIE(an_abi_of_all_bytes, OPEN, "phdr[7] " BAD_NOTE "(4294967295 < 1 || 4294967295 > 32)",
    image_nhdr(i, NOTE_ABI)->n_descsz = UINT32_MAX)
LIE(a_manifest_without_a_descriptor, OPEN, "phdr[6] " BAD_NOTE "(0 < 1 || 0 > 6668)",
    image_nhdr(i, NOTE_MFT)->n_descsz = 0)
LIE(a_manifest_of_one_byte, OPEN, "phdr[6] " BAD_NOTE "(1 < 5)",
    image_nhdr(i, NOTE_MFT)->n_descsz = 1)
LIE(a_manifest_of_nothing_but_padding, OPEN, "phdr[6] " BAD_NOTE "(4 < 5)",
    image_nhdr(i, NOTE_MFT)->n_descsz = 4)
LIE(a_manifest_of_one_byte_behind_the_padding, OPEN, "Solo5 manifest is invalid: 1 bytes",
    image_nhdr(i, NOTE_MFT)->n_descsz = 5)
LIE(a_manifest_longer_than_its_segment, OPEN, "phdr[6] " BAD_NOTE "(240 < 241)",
    image_nhdr(i, NOTE_MFT)->n_descsz++)
LIE(a_manifest_that_is_too_big, OPEN, "phdr[6] " BAD_NOTE "(6669 < 1 || 6669 > 6668)",
    image_nhdr(i, NOTE_MFT)->n_descsz = 6669)
LIE(a_manifest_cut_by_one, OPEN, "Solo5 manifest is invalid: 215 bytes, expected 216",
    image_nhdr(i, NOTE_MFT)->n_descsz--)
LIE(a_manifest_with_too_many_entries, OPEN, "Solo5 manifest is invalid: 65 entries",
    image_desc(i, NOTE_MFT)[8] = 65)
LIE(no_abi, REQUIRE, ": No Solo5 ABI information found in executable", NOTE_ABI->p_type = PT_NULL)
LIE(no_manifest, REQUIRE, ": No Solo5 manifest found in executable", NOTE_MFT->p_type = PT_NULL)
LIE(an_abi_of_another_owner, REQUIRE, "No Solo5 ABI information found",
    image_desc(i, NOTE_ABI)[-8] = 's')
LIE(an_owner_that_is_not_terminated, REQUIRE, "No Solo5 ABI information found",
    image_desc(i, NOTE_ABI)[-3] = '5')
LIE(an_owner_of_five_bytes, REQUIRE, "No Solo5 ABI information found",
    image_nhdr(i, NOTE_ABI)->n_namesz = 5)
LIE(an_owner_of_eight_bytes, REQUIRE, "No Solo5 ABI information found",
    image_nhdr(i, NOTE_ABI)->n_namesz = 8)
LIE(an_abi_of_another_type, REQUIRE, "No Solo5 ABI information found",
    image_nhdr(i, NOTE_ABI)->n_type++)
LIE(a_manifest_of_another_type, REQUIRE, "No Solo5 manifest found",
    image_nhdr(i, NOTE_MFT)->n_type++)
LIE(an_abi_in_a_segment_of_nineteen_bytes, REQUIRE, "No Solo5 ABI information found",
    NOTE_ABI->p_filesz = 19)
LIE(both_notes_in_one_segment, REQUIRE, "No Solo5 ABI information found",
    NOTE_ABI->p_offset = NOTE_MFT->p_offset, NOTE_ABI->p_filesz = 240 + 36)
LIE(target_spt, REQUIRE, "Executable is not for the solo5-hvt target, but for spt, which solo5-spt "
    "runs: build it for hvt (MirageOS: mirage configure -t hvt)",
    image_desc(i, NOTE_ABI)[0] = ELF_ABI_SPT)
LIE(target_virtio, REQUIRE, "but for virtio, which QEMU", image_desc(i, NOTE_ABI)[0] = ELF_ABI_VIRTIO)
LIE(target_muen, REQUIRE, "but for muen, a subject", image_desc(i, NOTE_ABI)[0] = ELF_ABI_MUEN)
LIE(target_genode, REQUIRE, "but for genode, a", image_desc(i, NOTE_ABI)[0] = ELF_ABI_GENODE)
LIE(target_xen, REQUIRE, "but for xen, which Xen", image_desc(i, NOTE_ABI)[0] = ELF_ABI_XEN)
LIE(notes_of_xen, REQUIRE, "No Solo5 ABI information found in executable: its notes are Xen's",
    NOTE_ABI->p_type = PT_NULL, image_note(i, "Xen", 18, "\0\0\x10", 4))
LIE(notes_of_gnu, REQUIRE, "No Solo5 ABI information found in executable: it is an ordinary program",
    NOTE_ABI->p_type = PT_NULL, image_note(i, "GNU", 3, "01234567", 8))
LIE(notes_of_nobody, REQUIRE, "No Solo5 ABI information found in executable: is it a unikernel?",
    NOTE_ABI->p_type = PT_NULL, image_note(i, "", 3, "01234567", 8))
LIE(target_0, REQUIRE, "Executable is not for the solo5-hvt target, but for unknown: build it",
    image_desc(i, NOTE_ABI)[0] = 0)
LIE(abi_version_1, REQUIRE, "Executable requests unsupported ABI version 1, expected 2",
    image_desc(i, NOTE_ABI)[4] = 1)
LIE(abi_version_3, REQUIRE, "Executable requests unsupported ABI version 3",
    image_desc(i, NOTE_ABI)[4] = 3)
LIE(the_first_abi_wins, REQUIRE, "unsupported ABI version 7",
    NOTE_ABI->p_type = PT_NULL, image_abi(i, ELF_ABI_HVT, 7), image_abi(i, ELF_ABI_HVT, 2))

/* Segments. */
LIE(a_segment_at_0, FIT, "phdr[0] starts at 0x0, below 0x100000", TEXT->p_vaddr = 0)
LIE(a_segment_below_the_minimum, FIT, "phdr[0] starts at 0xff000", TEXT->p_vaddr = 0xff000)
LIE(a_segment_that_rounds_below_the_minimum, FIT, "phdr[0] starts at 0x0",
    TEXT->p_align = 0x200000, RODATA->p_type = DATA->p_type = PT_NULL)
LIE(descending_segments, OPEN, "phdr[1].p_vaddr=0xff000 is below phdr[0].p_vaddr=0x100000",
    RODATA->p_vaddr = 0xff000)
LIE(segments_at_one_address, OPEN, "phdr[1] overlaps phdr[0]", RODATA->p_vaddr = 0x100000)
LIE(segments_that_share_a_byte, OPEN, "phdr[1] overlaps phdr[0]: rounded to p_align, it starts at "
    "0x101000, before 0x102000", TEXT->p_memsz = 0x1001)
LIE(segments_that_share_a_page, OPEN, "phdr[1] overlaps phdr[0]",
    TEXT->p_filesz = TEXT->p_memsz = 0xf00, RODATA->p_vaddr = 0x100f80)
LIE(segments_that_overlap_by_rounding_down, OPEN, "phdr[2] overlaps phdr[1]",
    DATA->p_vaddr = 0x103000, DATA->p_align = 0x4000)
LIE(p_align_0, OPEN, "phdr[0].p_align=0x0 is not a power of two", TEXT->p_align = 0)
LIE(p_align_3, OPEN, "phdr[0].p_align=0x3 is not a power of two", TEXT->p_align = 3)
LIE(p_align_of_all_bits, OPEN, "phdr[0].p_align=0xffffffffffffffff is not",
    TEXT->p_align = -UINT64_C(1))
LIE(p_align_2_to_the_63, OPEN, "phdr[1] overlaps phdr[0]", TEXT->p_align = UINT64_C(1) << 63)
LIE(p_align_1, OPEN, "phdr[1] is not page-aligned: it takes 0x101000-0x",
    RODATA->p_align = 1)
LIE(a_start_inside_a_page, OPEN, "phdr[0] is not page-aligned: it takes 0x100008-0x101000",
    TEXT->p_align = 8, TEXT->p_vaddr = 0x100008, TEXT->p_filesz = TEXT->p_memsz = 0xff8)
LIE(more_in_the_file_than_in_memory, OPEN, "phdr[2].p_memsz=0x11f is less than p_filesz=0x120",
    DATA->p_memsz--)
LIE(a_file_size_that_wraps, OPEN, "phdr[2].p_memsz=0x120 is less than p_filesz",
    DATA->p_filesz = UINT64_MAX)
LIE(a_memory_size_that_wraps, OPEN, "phdr[2] wraps around the end of the address space",
    DATA->p_memsz = UINT64_MAX)
LIE(a_memory_size_that_wraps_by_one, OPEN, "phdr[2] wraps around", DATA->p_memsz = -DATA->p_vaddr)
LIE(an_end_that_wraps_by_rounding, OPEN, "phdr[2] wraps around the end of the address space",
    DATA->p_memsz = -DATA->p_vaddr - 1)
LIE(an_address_that_wraps, OPEN, "phdr[2] wraps around", DATA->p_vaddr = UINT64_MAX - 0xfff,
    DATA->p_filesz = DATA->p_memsz = 0x1000)
LIE(the_highest_address_possible, FIT, "phdr[2] ends at 0xfffffffffffff000, beyond the guest's "
    "memory of 1 MiB: no guest has more than 4096 MiB", DATA->p_vaddr = UINT64_MAX - 0x1fff,
    DATA->p_filesz = DATA->p_memsz = 1)
LIE(a_segment_beyond_memory, FIT, "phdr[2] ends at 0x105000, beyond the guest's memory of 1 MiB: "
    "give it --mem=2 or more", DATA->p_vaddr += 0x2000)
LIE(bss_in_a_segment_beyond_memory, FIT, "phdr[2] ends at 0x105000", DATA->p_memsz = 0x2001)
LIE(bss_beyond_memory, FIT_DATA, "its zero-filled data end at 0x104001, beyond the guest's memory of 1 MiB: "
    "give it --mem=2 or more", i->phdr[IMAGE_BSS].p_memsz = 0x1001)
LIE(bss_without_an_end, FIT_DATA, "its zero-filled data end at 0xffffffffffffffff, beyond the guest's "
    "memory of 1 MiB: no guest has more than 4096 MiB", i->phdr[IMAGE_BSS].p_memsz = UINT64_MAX)
LIE(write_and_exec, OPEN, "phdr[0] requests WRITE and EXEC permissions",
    TEXT->p_flags = PF_W | PF_X)
LIE(read_write_and_exec, OPEN, "phdr[2] requests WRITE and EXEC permissions",
    DATA->p_flags = PF_R | PF_W | PF_X)
LIE(a_segment_beyond_the_end_of_the_file, OPEN, CUT,
    DATA->p_offset = i->size)
LIE(a_segment_cut_by_one, OPEN, "phdr[2] host file segment mismatched (288 bytes", i->size--)
LIE(a_segment_offset_that_wraps, OPEN, "phdr[2] host file segment mismatched",
    DATA->p_offset = -UINT64_C(8))
LIE(too_many_segments, OPEN, "] is one segment too many, the maximum is ",
    add_segments(i, ELF_SEGMENTS_MAX - 2))
LIE(nothing_to_load, FIT, "there is nothing to load",
    TEXT->p_type = RODATA->p_type = DATA->p_type = PT_NULL)

/* Allowed. */
TRUTH(a_good_image_runs, (void)i)
TRUTH(section_headers_may_be_garbage, i->ehdr.e_shoff = UINT64_MAX - 3, i->ehdr.e_shnum = 77,
      i->ehdr.e_shentsize = 1, i->ehdr.e_shstrndx = 78)
TRUTH(identification_is_not_looked_at_behind_the_byte_order, memset(&i->ehdr.e_ident[EI_VERSION],
      0xa5, EI_NIDENT - EI_VERSION))
TRUTH(program_headers_may_lie_anywhere, move_program_headers(i, 8))
TRUTH(program_headers_need_no_alignment, image_append(i, "x", 1, 1), move_program_headers(i, 1))
TRUTH(there_may_be_65535_program_headers, make_many_headers(i))
TRUTH(bss_may_end_with_memory, i->phdr[IMAGE_BSS].p_memsz = 0x1000)
TRUTH(segments_without_file_bytes_are_hardly_looked_at, i->phdr[IMAGE_BSS].p_flags = PF_W | PF_X, i->phdr[IMAGE_BSS].p_align = 3,
      i->phdr[IMAGE_BSS].p_offset = UINT64_MAX)
TRUTH(an_interpreter_is_not_looked_at, image_phdr(i, PT_INTERP)->p_offset = UINT64_MAX)
TRUTH(an_entry_may_be_the_last_byte_of_code, i->ehdr.e_entry = IMAGE_RODATA_GPA - 1)
TRUTH(other_code_may_lack_bytes, i->phdr[IMAGE_BSS].p_flags = PF_X)
TRUTH(notes_of_twelve_to_nineteen_bytes_are_skipped, i->phdr[IMAGE_OPENBSD].p_filesz = 12)
TRUTH(foreign_notes_may_be_longer_than_the_file,
      image_nhdr(i, &i->phdr[IMAGE_OPENBSD])->n_descsz = UINT32_MAX,
      i->phdr[IMAGE_OPENBSD].p_filesz = UINT64_MAX)
TRUTH(notes_behind_the_last_wanted_are_not_looked_at, image_phdr(i, PT_NOTE)->p_filesz = 1)
TRUTH(an_abi_may_have_up_to_32_bytes, add_bad_abi(i, 32))
TRUTH(a_note_may_end_with_the_file, add_bad_abi(i, 16))
TRUTH(an_abi_may_share_its_segment, NOTE_ABI->p_filesz = 100)
TRUTH(reserved_words_of_the_abi_are_not_looked_at, memset(image_desc(i, NOTE_ABI) + 8, 0xff, 8))
TRUTH(the_padding_of_a_manifest_is_not_looked_at, memset(image_desc(i, NOTE_MFT), 0xff, 4))
TRUTH(a_second_abi_is_not_looked_at, image_abi(i, 9, 9))
TRUTH(a_second_manifest_is_not_looked_at, i->phdr[IMAGE_ABI].p_type = PT_NULL,
      image_note(i, ELF_ABI_NOTE_OWNER, ELF_ABI_NOTE_MFT1, "", 0), image_abi(i, ELF_ABI_HVT, 2))
TRUTH(p_align_1_is_fine_where_pages_begin_and_end, TEXT->p_align = 1)
TRUTH(a_segment_may_end_inside_a_page_of_memory, TEXT->p_filesz = TEXT->p_memsz = 1)
