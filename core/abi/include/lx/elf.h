/* SPDX-License-Identifier: MIT */
#ifndef LX_ELF_H
#define LX_ELF_H

/*
 * ELF on x86-64.
 *
 * Source  elf(5), System V ABI, linux/elf.h.
 */

#include <stdint.h>

/* e_ident */
#define LX_ELFDATA2LSB 1
#define LX_EV_CURRENT 1
#define LX_ELFCLASS64 2
#define LX_EI_CLASS 4
#define LX_EI_DATA 5
#define LX_EI_VERSION 6
#define LX_EI_OSABI 7
#define LX_EI_NIDENT 16

/* e_type, e_machine */
#define LX_ET_NONE 0
#define LX_ET_REL 1
#define LX_ET_EXEC 2
#define LX_EM_386 3
#define LX_ET_DYN 3
#define LX_ET_CORE 4
#define LX_EM_X86_64 62

/* program headers */
#define LX_PT_NULL 0
#define LX_PF_X 1
#define LX_PT_LOAD 1
#define LX_PF_W 2
#define LX_PT_DYNAMIC 2
#define LX_PT_INTERP 3
#define LX_PF_R 4
#define LX_PT_NOTE 4
#define LX_PT_PHDR 6
#define LX_PT_TLS 7
#define LX_PT_GNU_EH_FRAME 1685382480
#define LX_PT_GNU_STACK 1685382481
#define LX_PT_GNU_RELRO 1685382482
#define LX_PT_GNU_PROPERTY 1685382483

/* section headers */
#define LX_SHN_UNDEF 0
#define LX_SHT_NULL 0
#define LX_SHF_WRITE 1
#define LX_SHT_PROGBITS 1
#define LX_SHF_ALLOC 2
#define LX_SHT_SYMTAB 2
#define LX_SHT_STRTAB 3
#define LX_SHF_EXECINSTR 4
#define LX_SHT_RELA 4
#define LX_SHT_HASH 5
#define LX_SHT_DYNAMIC 6
#define LX_SHT_NOBITS 8
#define LX_SHT_DYNSYM 11
#define LX_SHT_INIT_ARRAY 14
#define LX_SHT_FINI_ARRAY 15
#define LX_SHN_LORESERVE 65280
#define LX_SHN_ABS 65521
#define LX_SHN_COMMON 65522
#define LX_SHN_XINDEX 65535

/* symbols */
#define LX_STB_LOCAL 0
#define LX_STT_NOTYPE 0
#define LX_STB_GLOBAL 1
#define LX_STT_OBJECT 1
#define LX_STB_WEAK 2
#define LX_STT_FUNC 2
#define LX_STT_SECTION 3
#define LX_STT_TLS 6
#define LX_STT_GNU_IFUNC 10

/* dynamic section */
#define LX_DT_NULL 0
#define LX_DT_NEEDED 1
#define LX_DT_PLTRELSZ 2
#define LX_DT_HASH 4
#define LX_DT_STRTAB 5
#define LX_DT_SYMTAB 6
#define LX_DT_RELA 7
#define LX_DT_RELASZ 8
#define LX_DT_RELAENT 9
#define LX_DT_STRSZ 10
#define LX_DT_SYMENT 11
#define LX_DT_INIT 12
#define LX_DT_FINI 13
#define LX_DT_SONAME 14
#define LX_DT_JMPREL 23
#define LX_DT_FLAGS 30
#define LX_DT_RELRSZ 35
#define LX_DT_RELR 36
#define LX_DT_RELRENT 37
#define LX_DT_GNU_HASH 1879047925
#define LX_DT_VERSYM 1879048176
#define LX_DT_FLAGS_1 1879048187
#define LX_DT_VERDEF 1879048188
#define LX_DT_VERDEFNUM 1879048189

#define LX_VER_FLG_BASE 1

/* relocations */
#define LX_R_X86_64_64 1
#define LX_R_X86_64_GLOB_DAT 6
#define LX_R_X86_64_JUMP_SLOT 7
#define LX_R_X86_64_RELATIVE 8
#define LX_R_X86_64_IRELATIVE 37

#define LX_ELF_MAGIC 0x464c457fu /* "\x7fELF", little-endian */

struct lx_elf_ehdr {
    uint8_t e_ident[LX_EI_NIDENT];
    uint16_t e_type, e_machine;
    uint32_t e_version;
    uint64_t e_entry, e_phoff, e_shoff;
    uint32_t e_flags;
    uint16_t e_ehsize, e_phentsize, e_phnum, e_shentsize, e_shnum, e_shstrndx;
};
_Static_assert(sizeof(struct lx_elf_ehdr) == 64, "ABI");

struct lx_elf_phdr {
    uint32_t p_type, p_flags;
    uint64_t p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_align;
};
_Static_assert(sizeof(struct lx_elf_phdr) == 56, "ABI");

struct lx_elf_shdr {
    uint32_t sh_name, sh_type;
    uint64_t sh_flags, sh_addr, sh_offset, sh_size;
    uint32_t sh_link, sh_info;
    uint64_t sh_addralign, sh_entsize;
};
_Static_assert(sizeof(struct lx_elf_shdr) == 64, "ABI");

struct lx_elf_sym {
    uint32_t st_name;
    uint8_t st_info, st_other;
    uint16_t st_shndx;
    uint64_t st_value, st_size;
};
_Static_assert(sizeof(struct lx_elf_sym) == 24, "ABI");

struct lx_elf_dyn {
    int64_t d_tag;
    uint64_t d_val;
};

struct lx_elf_rela {
    uint64_t r_offset, r_info;
    int64_t r_addend;
};

#endif
