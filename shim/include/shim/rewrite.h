/* SPDX-License-Identifier: MIT */
#ifndef SHIM_REWRITE_H
#define SHIM_REWRITE_H

/*
 * The rewriter: finds the system calls and thread-local accesses (%fs) in machine
 * code and works out how each is replaced.  The result is a patch table: one
 * block of bytes without pointers, good for the code at any address, to be
 * computed once and kept.
 *
 * A system call becomes a jump to the shim's entry, a %fs access one through the
 * %gs slots of plat/slots.h.  What does not fit in place goes to a trampoline
 * behind the code; the instructions around it go with it (a window), unless
 * something may jump into their middle.
 *
 * Source   Intel SDM volume 2; docs/host-facts.md sections 4 and 5.
 * Threads  any.
 * Errors   -LX_ENOMEM; -LX_EINVAL: a table that is damaged.
 */

#include <stdint.h>

#include "lx/compiler.h"

struct plat_regs;

/*
 * Machine code to be scanned, in memory; addresses are offsets from `code`.  Between the parts of a
 * program there may be no memory: text and data say what there is.
 */
struct shim_rewrite_input {
    const uint8_t *code;
    uint32_t size;   /* bytes; at most 1 GiB */
    uint64_t addr;   /* where it runs: for pointers to code in the data */
    uint64_t linked; /* where it was linked to run: branches to 0 are from there */
    const struct shim_rewrite_range *text; /* executable parts, ascending */
    uint32_t text_count;
    const struct shim_rewrite_range *data; /* what there is of it to read, ascending */
    uint32_t data_count;
    uint32_t trampolines; /* offset of the trampolines: a multiple of 4096, >= size */
};

struct shim_rewrite_range {
    uint32_t begin, end;
};

#define SHIM_REWRITE_MAGIC 0x31686374u /* "tch1" */

/* Head of a patch table; offsets are from its start. */
struct shim_rewrite_table {
    uint32_t magic, size;       /* size of all in bytes */
    uint32_t span;              /* of the code it is for */
    uint32_t trampolines;       /* offset of the trampolines in the code's space */
    uint32_t trampoline_size;   /* bytes */
    uint32_t edit_count, edits; /* struct shim_rewrite_edit */
    uint32_t move_count, moves; /* struct shim_rewrite_move, ascending by `to` */
    uint32_t origins;           /* the same again, ascending by `from` */
    uint32_t bytes;             /* the edits' bytes; then the trampolines' */
    uint32_t trampoline_bytes;
    uint32_t syscall_sites, syscall_unpatched;
    uint32_t tls_sites, tls_unpatched;
    uint32_t first_unpatched; /* offset of the first system call that is left */
};

struct shim_rewrite_edit {
    uint32_t at, size; /* of the text that is replaced */
    uint32_t bytes;    /* offset of the new bytes from the table's `bytes` */
};

/* An instruction that was moved to a trampoline. */
struct shim_rewrite_move {
    uint32_t to, from; /* offsets in the code's space */
};

/*
 * Scan code.  Hosted: decodes with Zydis and uses the heap.
 *   out  owned by the caller: shim_rewrite_free() it.
 */
MUST_USE int shim_rewrite_scan(const struct shim_rewrite_input *in,
                               struct shim_rewrite_table **out);
void shim_rewrite_free(struct shim_rewrite_table *table);

/* The bytes of trampolines that a table needs, rounded up to pages. */
uint32_t shim_rewrite_trampoline_span(const struct shim_rewrite_table *table);

/*
 * Check a table's bounds and apply it to writable code; the trampolines' memory is
 * behind it, writable, too.
 *   code  where the code is now.
 */
MUST_USE int shim_rewrite_apply(const struct shim_rewrite_table *table, void *code);

/*
 * The same in parts, for code that is mapped piece by piece: its trampolines, and the edits that
 * lie in [begin, end), offsets.
 */
MUST_USE int shim_rewrite_put_trampolines(const struct shim_rewrite_table *table, void *code);
MUST_USE int shim_rewrite_edit(const struct shim_rewrite_table *table, void *code, uint32_t begin,
                               uint32_t end);

/* Where the instruction at offset `at` in a trampoline came from; `at` if it is in none. */
uint32_t shim_rewrite_origin(const struct shim_rewrite_table *table, uint32_t at);

/* Where the instruction that was at offset `at` is now; 0 if it was not moved. */
uint32_t shim_rewrite_moved(const struct shim_rewrite_table *table, uint32_t at);

/*
 * A thread stands at `code` in a trampoline.  If it is in the middle of what replaces one
 * instruction, move it to the beginning of that, or a step on towards its end: what is kept in
 * a %gs slot is in its register again.  On the thread itself, before the slots are used again.
 *   code     SHIM_REWRITE_BEFORE bytes before it can be read, and SHIM_REWRITE_AFTER from it on.
 *   returns  1 if registers were changed: look again.
 */
#define SHIM_REWRITE_BEFORE 24u
#define SHIM_REWRITE_AFTER 9u
int shim_rewrite_settle(const uint8_t *code, struct plat_regs *regs);

/*
 * Does an instruction access memory through %fs, and where would that be with an FS
 * base of 0?  Hosted.
 *   size     bytes that can be read at `code`; 15 are enough.
 *   returns  1 with the address in `offset`, else 0.
 */
int shim_rewrite_fs_offset(const uint8_t *code, uint32_t size, const struct plat_regs *regs,
                           uint64_t *offset);

#endif
