/* SPDX-License-Identifier: MIT */
#ifndef SHIM_REWRITE_DECODE_H
#define SHIM_REWRITE_DECODE_H

/*
 * Code as a list of instructions, and what is known of jumps into it.  Private to
 * shim/rewrite.
 *
 * Threads  the caller's.  Errors  -LX_ENOMEM.
 */

#include <Zydis/Zydis.h>
#include <stdint.h>

#include "lx/compiler.h"
#include "shim/rewrite.h"

enum site_kind { SITE_NONE, SITE_SYSCALL, SITE_TLS };

/* What an instruction is to the rewriter. */
#define INSN_SYSCALL 0x01u
#define INSN_TLS 0x02u    /* has a %fs memory operand */
#define INSN_ENDS 0x04u   /* control does not go on behind it: jmp, ret, ud2, hlt */
#define INSN_FIXED 0x08u  /* cannot be moved: loop, indirect call, unknown */
#define INSN_BRANCH 0x10u /* jcc or jmp with a displacement */
#define INSN_NOP 0x20u
#define INSN_BAD 0x40u   /* not an instruction */
#define INSN_RIP 0x80u   /* has a %rip-relative operand */
#define INSN_CALL 0x100u /* a call with a displacement: can only end a window */
#define INSN_RED 0x200u  /* uses memory below the stack pointer: the red zone */

struct insn {
    uint32_t at;
    uint8_t size;
    uint16_t flags;
};

struct code {
    const struct shim_rewrite_input *in;
    struct insn *insns; /* ascending */
    uint32_t count, capacity;
    uint8_t *targets;  /* bitmap: something may jump to that offset */
    uint8_t *branches; /* bitmap: a jump with a displacement goes to that offset */
    uint8_t *entries;  /* bitmap: a call with a displacement goes to that offset */
    uint32_t has_canary_store;
    ZydisDecoder decoder;
};

MUST_USE int code_decode(struct code *c, const struct shim_rewrite_input *in);
void code_free(struct code *c);

/* 1 if something may jump to `at`. */
int code_is_target(const struct code *c, uint32_t at);

/* 1 if a decoded jump goes to `at`: of other targets we only have reason to suspect it. */
int code_is_branch_target(const struct code *c, uint32_t at);

/*
 * 1 if the function around instruction n may keep data in its red zone, which a host's exception
 * handler overwrites.  Functions begin where they are called.
 */
int code_uses_red_zone(const struct code *c, uint32_t n);

/* Decode one instruction fully; 0 if it is none. */
int code_instruction(const struct code *c, uint32_t at, ZydisDecodedInstruction *i,
                     ZydisDecodedOperand *operands);

/* The %fs operand of an instruction, or NULL. */
const ZydisDecodedOperand *fs_operand(const ZydisDecodedInstruction *i,
                                      const ZydisDecodedOperand *operands);

#endif
