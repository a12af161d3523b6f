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
#define INSN_BAD 0x40u       /* not an instruction */
#define INSN_RIP 0x80u       /* has a %rip-relative operand */
#define INSN_CALL 0x100u     /* a call with a displacement: can only end a window */
#define INSN_RED 0x200u      /* uses memory below the stack pointer: the red zone */
#define INSN_SPLIT 0x400u    /* something goes into its middle: behind a prefix, or it is none */
#define INSN_ODD 0x800u      /* not what programs have, or a branch to where no instruction is */
#define INSN_NUMBER 0x1000u  /* moves a small number to eax, as before a system call */
#define INSN_STRANGE 0x2000u /* with INSN_TLS: a kind of access that compilers do not make */

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

/*
 * Tables in the text are decoded as well, and bytes of theirs look like system calls or
 * thread-local accesses.  Patches there would damage them: see rewrite/data.c.
 *
 * code_find_data() clears the flags of such sites, after a sweep.  Before, code_find_breaks() looks
 * for functions that the sweep has come into from the side: their beginnings, a bitmap.
 */
void code_find_data(struct code *c);
MUST_USE int code_find_breaks(struct code *c, uint8_t *breaks);
int code_is_marked(const uint8_t *map, uint32_t at);

MUST_USE int code_decode(struct code *c, const struct shim_rewrite_input *in);
void code_free(struct code *c);

/* 1 if `at` lies in an executable part. */
int code_in_text(const struct code *c, uint64_t at);

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
