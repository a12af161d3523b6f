/* SPDX-License-Identifier: MIT */
/* Reading an ELF file's headers. */

#include "exec/elf.h"

#include "core/layout.h"
#include "core/mem.h"
#include "lx/errno.h"
#include "plat/plat.h"
#include "shim/rewrite.h"

#define PAGE_DOWN(x) ((x) & ~(uint64_t)(CORE_PAGE_SIZE - 1))
#define PAGE_UP(x) PAGE_DOWN((x) + CORE_PAGE_SIZE - 1)
#define PROGRAM_MAX (1ull << 30) /* span of a program: its patches must reach it all */

static int check_header(const struct lx_elf_ehdr *h)
{
    uint32_t magic;
    memcpy(&magic, h->e_ident, sizeof magic);
    if (magic != LX_ELF_MAGIC || h->e_ident[LX_EI_CLASS] != LX_ELFCLASS64 ||
        h->e_ident[LX_EI_DATA] != LX_ELFDATA2LSB || h->e_machine != LX_EM_X86_64 ||
        (h->e_type != LX_ET_EXEC && h->e_type != LX_ET_DYN))
        return -LX_ENOEXEC;
    if (h->e_phentsize != sizeof(struct lx_elf_phdr) || h->e_phnum == 0)
        return -LX_ENOEXEC;
    return 0;
}

static uint32_t prot_of(uint32_t flags)
{
    return (flags & LX_PF_R ? PLAT_READ : 0) | (flags & LX_PF_W ? PLAT_WRITE : 0) |
           (flags & LX_PF_X ? PLAT_EXEC : 0);
}

static int add_segment(struct elf_plan *plan, const struct lx_elf_phdr *ph, uint64_t file_size)
{
    if (ph->p_memsz == 0)
        return 0;
    if (ph->p_filesz > ph->p_memsz || ph->p_offset > file_size ||
        ph->p_filesz > file_size - ph->p_offset || ph->p_vaddr > CORE_PIE_END ||
        ph->p_memsz > PROGRAM_MAX || (ph->p_vaddr - ph->p_offset) % CORE_PAGE_SIZE ||
        plan->count == ELF_SEGMENT_MAX)
        return -LX_EINVAL;
    uint64_t low = PAGE_DOWN(ph->p_vaddr), high = PAGE_UP(ph->p_vaddr + ph->p_memsz);
    if (plan->count && low < plan->high)
        return -LX_EINVAL; /* elf(5): ascending, and no two share a page */
    if (!plan->count)
        plan->low = low;
    plan->high = high;
    plan->segments[plan->count++] = (struct elf_segment){
        .vaddr = ph->p_vaddr,
        .file_offset = ph->p_offset,
        .file_size = ph->p_filesz,
        .memory_size = ph->p_memsz,
        .prot = prot_of(ph->p_flags),
    };
    return 0;
}

/* Linux' limits for the path of an interpreter; the first one counts. */
static int set_interpreter(struct elf_plan *plan, const struct lx_elf_phdr *ph, uint64_t file_size)
{
    if (plan->interpreter_size)
        return 0;
    if (ph->p_filesz < 2 || ph->p_filesz > ELF_INTERPRETER_MAX || ph->p_offset > file_size ||
        ph->p_filesz > file_size - ph->p_offset)
        return -LX_ENOEXEC;
    plan->interpreter_offset = ph->p_offset;
    plan->interpreter_size = ph->p_filesz;
    return 0;
}

/* Keep them sorted; what is too much counts as code. */
static void add_data(struct elf_plan *plan, uint64_t begin, uint64_t size)
{
    uint32_t i = plan->data_count;
    if (i == ELF_DATA_MAX || !size || size > UINT64_MAX - begin)
        return;
    for (; i > 0 && plan->data[i - 1].begin > begin; i--)
        plan->data[i] = plan->data[i - 1];
    plan->data[i] = (struct elf_data){begin, begin + size};
    plan->data_count++;
}

/* Where a part of the file is in memory; 0: in no segment. */
static uint64_t vaddr_of(const struct elf_plan *plan, uint64_t offset, uint64_t size)
{
    for (uint32_t i = 0; i < plan->count; i++) {
        const struct elf_segment *s = &plan->segments[i];
        if (offset >= s->file_offset && offset - s->file_offset <= s->file_size &&
            size <= s->file_size - (offset - s->file_offset))
            return s->vaddr + (offset - s->file_offset);
    }
    return 0;
}

/* The file's headers; AT_PHDR points to one of them. */
static void find_headers(struct elf_plan *plan, const struct lx_elf_ehdr *h)
{
    uint64_t phdrs_size = (uint64_t)h->e_phnum * h->e_phentsize;
    uint64_t shdrs_size = (uint64_t)h->e_shnum * h->e_shentsize;
    uint64_t shdrs = vaddr_of(plan, h->e_shoff, shdrs_size);
    plan->phdrs = vaddr_of(plan, h->e_phoff, phdrs_size);
    if (plan->phdrs)
        add_data(plan, plan->phdrs, phdrs_size);
    if (shdrs)
        add_data(plan, shdrs, shdrs_size);
    if (plan->segments[0].file_offset == 0)
        add_data(plan, plan->segments[0].vaddr, sizeof *h);
}

static int place(struct elf_plan *plan)
{
    if (plan->high - plan->low > PROGRAM_MAX)
        return -LX_ENOMEM;
    if (plan->is_fixed)
        return plan->low >= CORE_LOW_BASE && plan->high <= CORE_LOW_END ? 0 : -LX_ENOMEM;
    plan->bias = CORE_PIE_BASE - plan->low;
    return 0;
}

int elf_plan_make(const uint8_t *head, uint64_t head_size, uint64_t file_size,
                  struct elf_plan *plan)
{
    struct lx_elf_ehdr h;
    memset(plan, 0, sizeof *plan);
    if (head_size < sizeof h)
        return -LX_ENOEXEC;
    memcpy(&h, head, sizeof h);
    int err = check_header(&h);
    if (err < 0)
        return err;
    uint64_t phdrs_size = (uint64_t)h.e_phnum * sizeof(struct lx_elf_phdr);
    if (h.e_phoff > head_size || phdrs_size > head_size - h.e_phoff)
        return -LX_ENOEXEC; /* Differs from Linux: they must lie in the first page */

    plan->executable_stack = 1; /* elf(5): what no PT_GNU_STACK means */
    for (uint32_t i = 0; err == 0 && i < h.e_phnum; i++) {
        struct lx_elf_phdr ph;
        memcpy(&ph, head + h.e_phoff + i * sizeof ph, sizeof ph);
        if (ph.p_type == LX_PT_LOAD)
            err = add_segment(plan, &ph, file_size);
        else if (ph.p_type == LX_PT_INTERP)
            err = set_interpreter(plan, &ph, file_size);
        else if (ph.p_type == LX_PT_NOTE)
            add_data(plan, ph.p_vaddr, ph.p_filesz);
        else if (ph.p_type == LX_PT_GNU_STACK)
            plan->executable_stack = ph.p_flags & LX_PF_X;
    }
    if (err < 0)
        return err;
    if (!plan->count)
        return -LX_ENOEXEC;
    plan->entry = h.e_entry;
    plan->phdr_count = h.e_phnum;
    plan->phdr_size = h.e_phentsize;
    find_headers(plan, &h);
    plan->is_fixed = h.e_type == LX_ET_EXEC;
    return place(plan);
}

static void add_text(const struct elf_plan *plan, struct shim_rewrite_range *text, uint32_t *count,
                     uint64_t begin, uint64_t end)
{
    if (begin < end)
        text[(*count)++] =
            (struct shim_rewrite_range){(uint32_t)(begin - plan->low), (uint32_t)(end - plan->low)};
}

uint32_t elf_plan_text(const struct elf_plan *plan, struct shim_rewrite_range *text)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < plan->count; i++) {
        const struct elf_segment *s = &plan->segments[i];
        uint64_t at = s->vaddr, end = s->vaddr + s->file_size;
        if (!(s->prot & PLAT_EXEC))
            continue;
        for (uint32_t k = 0; k < plan->data_count; k++) {
            const struct elf_data *d = &plan->data[k];
            if (d->end <= at || d->begin >= end)
                continue;
            add_text(plan, text, &count, at, d->begin);
            at = d->end;
        }
        add_text(plan, text, &count, at, end);
    }
    return count;
}

struct shim_rewrite_input elf_plan_input(const struct elf_plan *plan, const void *code,
                                         uint64_t addr, struct shim_rewrite_range *text,
                                         struct shim_rewrite_range *data)
{
    for (uint32_t i = 0; i < plan->count; i++) {
        uint64_t begin = plan->segments[i].vaddr - plan->low;
        data[i] = (struct shim_rewrite_range){(uint32_t)begin,
                                              (uint32_t)(begin + plan->segments[i].file_size)};
    }
    return (struct shim_rewrite_input){
        .code = code,
        .size = (uint32_t)(plan->high - plan->low),
        .addr = addr,
        .linked = plan->low,
        .text = text,
        .text_count = elf_plan_text(plan, text),
        .data = data,
        .data_count = plan->count,
        .trampolines = (uint32_t)(plan->high - plan->low),
    };
}
