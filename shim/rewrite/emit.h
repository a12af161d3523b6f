/* SPDX-License-Identifier: MIT */
#ifndef SHIM_REWRITE_EMIT_H
#define SHIM_REWRITE_EMIT_H

/*
 * Machine code for trampolines.  Private to shim/rewrite.
 *
 * Nothing emitted uses the guest's stack or changes flags that the original
 * leaves alone; a register that is needed in between is kept in a %gs slot.
 *
 * Threads  the caller's.
 * Errors   -LX_ENOMEM; -LX_EOPNOTSUPP: this instruction cannot be emitted.
 */

#include <stdint.h>

#include "lx/compiler.h"
#include "rewrite/decode.h"

/* A growing buffer that stands at a known offset in the code's space. */
struct emitter {
    const struct code *code;
    uint32_t base; /* offset of bytes[0] */
    uint8_t *bytes;
    uint32_t size, capacity;
    int err;
};

#define EMIT_HERE(e) ((e)->base + (e)->size)

void emit_bytes(struct emitter *e, const void *bytes, uint32_t size);

void emit_fill(struct emitter *e, uint8_t byte, uint32_t size);

/* jmp rel32 */
void emit_jump(struct emitter *e, uint32_t to);

/* An original instruction, doing the same at its new place. */
MUST_USE int emit_instruction(struct emitter *e, const struct insn *insn);

/* The system call: enter the shim and go on at `back`. */
void emit_syscall(struct emitter *e, uint32_t back);

/* A %fs access through the thread pointer's slot. */
MUST_USE int emit_tls(struct emitter *e, const struct insn *insn);

/*
 * The same in the instruction's own place and length.
 *   out      its new bytes.
 *   returns  0 if there is no such form.
 */
int emit_tls_in_place(const struct code *c, const struct insn *insn, uint8_t out[15]);

#endif
