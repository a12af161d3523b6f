/* SPDX-License-Identifier: MIT */
#ifndef SHIM_EXEC_ELF_H
#define SHIM_EXEC_ELF_H

/*
 * An ELF file's plan: what goes where in memory.  Computed from the file's
 * first bytes alone, without mapping anything, so that it can be fuzzed.
 * Private to the shim: exec loads programs by it, memory knows libraries by it.
 *
 * Source  elf(5); System V ABI, chapter 5; execve(2) and fs/binfmt_elf.c for
 *         what Linux refuses.
 * Threads any.
 * Errors  -LX_ENOEXEC: not an ELF file we know; -LX_EINVAL: a damaged one;
 *         -LX_ENOMEM: it does not fit our windows.
 */

#include <stdint.h>

#include "lx/compiler.h"
#include "lx/elf.h"

struct shim_rewrite_input;
struct shim_rewrite_range;

#define ELF_SEGMENT_MAX 32
#define ELF_DATA_MAX 8
#define ELF_TEXT_MAX (ELF_SEGMENT_MAX + ELF_DATA_MAX)
#define ELF_INTERPRETER_MAX 4096u /* PATH_MAX */
#define ELF_HEAD_SIZE 4096u       /* of the file; the program headers lie in it */

struct elf_segment {
    uint64_t vaddr;                  /* as in the file; add the bias */
    uint64_t file_offset, file_size; /* what is read to vaddr */
    uint64_t memory_size;            /* the rest is zero */
    uint32_t prot;                   /* PLAT_READ .. */
};

struct elf_data {
    uint64_t begin, end; /* vaddrs */
};

struct elf_plan {
    struct elf_segment segments[ELF_SEGMENT_MAX];
    uint32_t count;
    struct elf_data data[ELF_DATA_MAX]; /* what is no code, wherever it lies; ascending */
    uint32_t data_count;
    uint32_t is_fixed;                             /* 1: not position-independent */
    uint64_t interpreter_offset, interpreter_size; /* its path in the file; size 0: none */
    uint64_t low, high;                            /* page-aligned span of vaddrs */
    uint64_t bias;                                 /* 0 unless position-independent */
    uint64_t entry;                                /* vaddr */
    uint64_t phdrs; /* vaddr of the program headers in memory, or 0 */
    uint16_t phdr_count, phdr_size;
    uint32_t executable_stack;
};

/*
 * head       the file's first bytes, `head_size` of them (all, or ELF_HEAD_SIZE).
 * file_size  of the whole file.
 */
MUST_USE int elf_plan_make(const uint8_t *head, uint64_t head_size, uint64_t file_size,
                           struct elf_plan *plan);

/*
 * Its executable parts, as offsets from plan->low: the segments, but for the file's headers and
 * notes, which some linkers put into the first one.
 *   text     ELF_TEXT_MAX of them.
 *   returns  how many.
 */
uint32_t elf_plan_text(const struct elf_plan *plan, struct shim_rewrite_range *text);

/*
 * What the rewriter is to look at, trampolines behind it.
 *   code  where it has been loaded.
 *   addr  where plan->low is to run, or was linked to.
 *   text  ELF_TEXT_MAX, data ELF_SEGMENT_MAX: room for its executable parts, and for all of it that
 *         comes from the file.
 */
struct shim_rewrite_input elf_plan_input(const struct elf_plan *plan, const void *code,
                                         uint64_t addr, struct shim_rewrite_range *text,
                                         struct shim_rewrite_range *data);

#endif
