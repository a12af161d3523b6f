/* SPDX-License-Identifier: MIT */
/* Building the vDSO's ELF object in the guest's memory. */

#include "exec/vdso.h"

#include "core/mem.h"
#include "exec/vdso_code.h"
#include "lx/elf.h"
#include "lx/errno.h"
#include "lx/mman.h"
#include "shim/memory.h"
#include "shim/task.h"
#include "shim/time.h"
#include "shim/user.h"

#define IMAGE_SIZE (2 * CORE_PAGE_SIZE)
#define CODE_OFFSET 0x400u

/* Ends of the section that holds the functions. */
#if defined(_WIN32)
__asm__(".section vdso$a,\"xr\"\n.globl vdso_begin\nvdso_begin:\n"
        ".section vdso$z,\"xr\"\n.globl vdso_end\nvdso_end:\n.text\n");
extern const uint8_t vdso_begin[], vdso_end[];
#else
extern const uint8_t vdso_begin[] __asm__("__start_vdso_text");
extern const uint8_t vdso_end[] __asm__("__stop_vdso_text");
#endif

#define SYMBOL_COUNT 5 /* with the null symbol */

static const char strings[] = "\0linux-vdso.so.1\0__vdso_clock_gettime\0__vdso_gettimeofday\0"
                              "__vdso_time\0__vdso_getcpu\0LINUX_2.6\0.text\0.dynsym\0.dynstr";
#define SONAME 1
#define NAME_CLOCK_GETTIME 17
#define NAME_GETTIMEOFDAY 38
#define NAME_TIME 58
#define NAME_GETCPU 70
#define NAME_VERSION 84
#define NAME_TEXT 94
#define NAME_DYNSYM 100
#define NAME_DYNSTR 108

/* Sections: dietlibc finds the symbols by them, and a symbol's place by the section it is in. */
enum { SECTION_TEXT = 1, SECTION_DYNSYM, SECTION_DYNSTR, SECTION_COUNT };

/* Symbol versions: the object itself, and the one that all symbols have. */
#define VERSION_BASE 1
#define VERSION_LINUX 2
#define VERSION_HASH 0x3ae75f6u /* elf(5)'s hash of "LINUX_2.6" */

struct version {
    uint16_t vd_version, vd_flags, vd_ndx, vd_cnt;
    uint32_t vd_hash, vd_aux, vd_next;
    uint32_t vda_name, vda_next; /* its only name */
};

struct image {
    struct lx_elf_ehdr header;
    struct lx_elf_phdr phdrs[2];
    struct lx_elf_shdr sections[SECTION_COUNT];
    struct lx_elf_sym symbols[SYMBOL_COUNT];
    uint32_t hash[2 + 1 + SYMBOL_COUNT]; /* elf(5): one bucket that chains all */
    struct lx_elf_dyn dynamic[10];
    struct version versions[2];
    uint16_t symbol_versions[SYMBOL_COUNT];
    char strings[sizeof strings];
};
_Static_assert(sizeof(struct image) <= CODE_OFFSET, "the headers end before the code");

static void fill_headers(struct image *v, uint64_t size)
{
    const uint32_t magic = LX_ELF_MAGIC;
    memcpy(v->header.e_ident, &magic, sizeof magic);
    v->header.e_ident[LX_EI_CLASS] = LX_ELFCLASS64;
    v->header.e_ident[LX_EI_DATA] = LX_ELFDATA2LSB;
    v->header.e_ident[LX_EI_VERSION] = LX_EV_CURRENT;
    v->header.e_type = LX_ET_DYN;
    v->header.e_machine = LX_EM_X86_64;
    v->header.e_version = LX_EV_CURRENT;
    v->header.e_phoff = offsetof(struct image, phdrs);
    v->header.e_ehsize = sizeof v->header;
    v->header.e_phentsize = sizeof v->phdrs[0];
    v->header.e_phnum = 2;
    v->header.e_shoff = offsetof(struct image, sections);
    v->header.e_shentsize = sizeof v->sections[0];
    v->header.e_shnum = SECTION_COUNT;
    v->header.e_shstrndx = SECTION_DYNSTR;
    v->phdrs[0] = (struct lx_elf_phdr){
        .p_type = LX_PT_LOAD,
        .p_flags = LX_PF_R | LX_PF_X,
        .p_filesz = size,
        .p_memsz = size,
        .p_align = CORE_PAGE_SIZE,
    };
    v->phdrs[1] = (struct lx_elf_phdr){
        .p_type = LX_PT_DYNAMIC,
        .p_flags = LX_PF_R,
        .p_offset = offsetof(struct image, dynamic),
        .p_vaddr = offsetof(struct image, dynamic),
        .p_filesz = sizeof v->dynamic,
        .p_memsz = sizeof v->dynamic,
        .p_align = 8,
    };
}

static void fill_sections(struct image *v)
{
    v->sections[SECTION_TEXT] = (struct lx_elf_shdr){
        .sh_name = NAME_TEXT,
        .sh_type = LX_SHT_PROGBITS,
        .sh_flags = LX_SHF_ALLOC | LX_SHF_EXECINSTR,
        .sh_addr = CODE_OFFSET,
        .sh_offset = CODE_OFFSET,
        .sh_size = (uint64_t)(vdso_end - vdso_begin),
        .sh_addralign = 16,
    };
    v->sections[SECTION_DYNSYM] = (struct lx_elf_shdr){
        .sh_name = NAME_DYNSYM,
        .sh_type = LX_SHT_DYNSYM,
        .sh_flags = LX_SHF_ALLOC,
        .sh_addr = offsetof(struct image, symbols),
        .sh_offset = offsetof(struct image, symbols),
        .sh_size = sizeof v->symbols,
        .sh_link = SECTION_DYNSTR,
        .sh_info = 1, /* the first that is global */
        .sh_addralign = 8,
        .sh_entsize = sizeof v->symbols[0],
    };
    v->sections[SECTION_DYNSTR] = (struct lx_elf_shdr){
        .sh_name = NAME_DYNSTR,
        .sh_type = LX_SHT_STRTAB,
        .sh_flags = LX_SHF_ALLOC,
        .sh_addr = offsetof(struct image, strings),
        .sh_offset = offsetof(struct image, strings),
        .sh_size = sizeof strings,
        .sh_addralign = 1,
    };
}

static void fill_symbols(struct image *v)
{
    const struct {
        uint32_t name;
        const void *function;
    } functions[SYMBOL_COUNT] = {
        {0, NULL},
        {NAME_CLOCK_GETTIME, (const void *)vdso_clock_gettime},
        {NAME_GETTIMEOFDAY, (const void *)vdso_gettimeofday},
        {NAME_TIME, (const void *)vdso_time},
        {NAME_GETCPU, (const void *)vdso_getcpu},
    };
    v->hash[0] = 1;
    v->hash[1] = SYMBOL_COUNT;
    v->hash[2] = 1; /* the bucket begins with symbol 1; symbol i is followed by i + 1 */
    for (uint32_t i = 1; i < SYMBOL_COUNT; i++) {
        v->symbols[i].st_name = functions[i].name;
        v->symbols[i].st_info = LX_STB_GLOBAL << 4 | LX_STT_FUNC;
        v->symbols[i].st_shndx = SECTION_TEXT;
        v->symbols[i].st_value =
            CODE_OFFSET + (uint64_t)((const uint8_t *)functions[i].function - vdso_begin);
        v->hash[3 + i] = i + 1 < SYMBOL_COUNT ? i + 1 : 0;
        v->symbol_versions[i] = VERSION_LINUX;
    }
}

static void fill_versions(struct image *v)
{
    const uint32_t aux = offsetof(struct version, vda_name);
    v->versions[0] = (struct version){1,   LX_VER_FLG_BASE,       VERSION_BASE, 1, 0,
                                      aux, sizeof v->versions[0], SONAME,       0};
    v->versions[1] =
        (struct version){1, 0, VERSION_LINUX, 1, VERSION_HASH, aux, 0, NAME_VERSION, 0};
}

static void fill_dynamic(struct image *v)
{
    const struct lx_elf_dyn entries[] = {
        {LX_DT_SONAME, SONAME},
        {LX_DT_HASH, offsetof(struct image, hash)},
        {LX_DT_STRTAB, offsetof(struct image, strings)},
        {LX_DT_SYMTAB, offsetof(struct image, symbols)},
        {LX_DT_STRSZ, sizeof strings},
        {LX_DT_SYMENT, sizeof(struct lx_elf_sym)},
        {LX_DT_VERSYM, offsetof(struct image, symbol_versions)},
        {LX_DT_VERDEF, offsetof(struct image, versions)},
        {LX_DT_VERDEFNUM, 2},
        {LX_DT_NULL, 0},
    };
    _Static_assert(sizeof entries == sizeof v->dynamic, "all of them");
    memcpy(v->dynamic, entries, sizeof entries);
    memcpy(v->strings, strings, sizeof strings);
}

/* All of the clock but that it may be used, then that: other threads may be reading. */
static int put_clock(void)
{
    struct shim_clock_data data = shim_container()->clock.data;
    uint32_t usable = data.usable;
    data.usable = 0;
    int err = shim_copy_out(VDSO_DATA, &data, sizeof data);
    if (err == 0 && usable)
        err = shim_copy_out(VDSO_DATA + offsetof(struct shim_clock_data, usable), &usable,
                            sizeof usable);
    return err;
}

void vdso_update(struct shim_mm *mm)
{
    if (shim_mm_protect(mm, VDSO_DATA, CORE_PAGE_SIZE, LX_PROT_READ | LX_PROT_WRITE) < 0)
        return;
    int err = put_clock();
    int protect = shim_mm_protect(mm, VDSO_DATA, CORE_PAGE_SIZE, LX_PROT_READ);
    (void)err; /* the page is the guest's: what it did to it, it has */
    (void)protect;
}

int vdso_map(struct shim_mm *mm, lx_uptr *base)
{
    uint64_t code_size = (uint64_t)(vdso_end - vdso_begin);
    *base = 0;
    if (code_size > IMAGE_SIZE - CODE_OFFSET)
        return -LX_ENOMEM;
    int64_t at =
        shim_mm_map(mm, VDSO_DATA, CORE_PAGE_SIZE + IMAGE_SIZE, LX_PROT_READ | LX_PROT_WRITE,
                    LX_MAP_PRIVATE | LX_MAP_ANONYMOUS | LX_MAP_FIXED, NULL, 0);
    if (at < 0)
        return (int)at;

    struct image v;
    memset(&v, 0, sizeof v);
    fill_headers(&v, IMAGE_SIZE);
    fill_sections(&v);
    fill_symbols(&v);
    fill_versions(&v);
    fill_dynamic(&v);
    int err = put_clock();
    if (err == 0)
        err = shim_copy_out(VDSO_BASE, &v, sizeof v);
    if (err == 0)
        err = shim_copy_out(VDSO_BASE + CODE_OFFSET, vdso_begin, code_size);
    if (err == 0)
        err = shim_mm_protect(mm, VDSO_DATA, CORE_PAGE_SIZE, LX_PROT_READ);
    if (err == 0)
        err = shim_mm_protect_patched(mm, VDSO_BASE, IMAGE_SIZE, LX_PROT_READ | LX_PROT_EXEC,
                                      VDSO_TEXT);
    if (err == 0)
        *base = VDSO_BASE;
    return err;
}
