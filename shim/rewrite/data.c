/* SPDX-License-Identifier: MIT */
/*
 * Telling code from data in the text: tables of hand-written code (OpenSSL's, for one) lie between
 * functions, and a tenth of the instructions that their bytes make are none, or such as programs do
 * not have, or branches to nowhere.  In code there is not one of these.  A site is in doubt if there
 * is one between it and the function's beginning, or the next jump or return; it is data if there
 * are many on both sides.
 *
 * Where a sweep comes from a table into a function, it may pass over that function's beginning.
 * Something that is called, in the middle of an instruction among odd ones, is such a beginning.
 */

#include "rewrite/decode.h"

#define REACH 64u       /* instructions to look at, before and behind */
#define DENSE_REACH 32u /* likewise, for many */
#define DENSE_SIDE 2u   /* odd ones on either side .. */
#define DENSE 8u        /* .. and on both, in data */
#define NUMBER_REACH 8u /* instructions between the number of a system call and the call */
#define LOCK 0xf0

static int has_marks_inside(const uint8_t *map, const struct insn *i)
{
    for (uint32_t k = 1; k < i->size; k++) {
        if (code_is_marked(map, i->at + k))
            return 1;
    }
    return 0;
}

/* The instruction that begins at `at`, or that it lies in. */
static const struct insn *insn_at(const struct code *c, uint32_t at)
{
    uint32_t low = 0, high = c->count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (c->insns[middle].at <= at)
            low = middle;
        else
            high = middle;
    }
    return &c->insns[low];
}

/*
 * Does a branch go where no instruction begins?  Behind a lock prefix is all right, and to address
 * 0: a function that is not there (a weak symbol), and is not called then.
 */
static int goes_astray(const struct code *c, const struct insn *i)
{
    ZydisDecodedInstruction decoded;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    if (!(i->flags & (INSN_BRANCH | INSN_CALL)) ||
        !code_instruction(c, i->at, &decoded, operands) || !operands[0].imm.is_relative)
        return 0;
    uint64_t to = (uint64_t)i->at + i->size + (uint64_t)operands[0].imm.value.s;
    if (!code_in_text(c, to))
        return c->in->linked + to != 0;
    const struct insn *target = insn_at(c, (uint32_t)to);
    return target->at != to && !(target->at + 1 == to && c->in->code[target->at] == LOCK);
}

static int is_odd(const struct code *c, uint32_t n)
{
    const struct insn *i = &c->insns[n];
    return i->flags & (INSN_BAD | INSN_ODD) || goes_astray(c, i);
}

/* Is there something odd around instruction n, in what would be its function? */
static int is_among_odd(const struct code *c, uint32_t n)
{
    for (uint32_t k = n; k > 0 && n - k < REACH; k--) {
        if (is_odd(c, k))
            return 1;
        if (code_is_marked(c->entries, c->insns[k].at) || c->insns[k - 1].flags & INSN_ENDS)
            break;
    }
    for (uint32_t k = n; k + 1 < c->count && k - n < REACH; k++) {
        if (is_odd(c, k))
            return 1;
        if (c->insns[k].flags & INSN_ENDS)
            break;
    }
    return 0;
}

static int is_in_data(const struct code *c, uint32_t n)
{
    uint32_t before = 0, behind = 0;
    for (uint32_t k = 1; k <= DENSE_REACH; k++) {
        before += k <= n && is_odd(c, n - k);
        behind += n + k < c->count && is_odd(c, n + k);
    }
    return before >= DENSE_SIDE && behind >= DENSE_SIDE && before + behind >= DENSE;
}

/* What is a system call whatever is around it: in data there is no number before it. */
static int has_number(const struct code *c, uint32_t n)
{
    for (uint32_t k = n; k > 0 && n - k < NUMBER_REACH; k--) {
        if (c->insns[k - 1].flags & INSN_NUMBER)
            return 1;
        if (c->insns[k - 1].flags & (INSN_ENDS | INSN_BAD))
            return 0;
    }
    return 0;
}

/* Behind a jump or return there may be zeros, which seem to go on into what is called. */
static int is_padding(const struct code *c, uint32_t n)
{
    return n > 0 && c->insns[n - 1].flags & INSN_ENDS && !c->in->code[c->insns[n].at];
}

int code_find_breaks(struct code *c, uint8_t *breaks)
{
    int found = 0;
    for (uint32_t n = 0; n < c->count; n++) {
        const struct insn *i = &c->insns[n];
        if (!has_marks_inside(c->entries, i) || !(is_padding(c, n) || is_among_odd(c, n)))
            continue;
        for (uint32_t k = 1; k < i->size; k++) {
            if (code_is_marked(c->entries, i->at + k))
                breaks[(i->at + k) / 8] |= (uint8_t)(1u << ((i->at + k) % 8));
        }
        found = 1;
    }
    return found;
}

/* A system call in doubt is one: it must never be executed.  An access in doubt is left to FS base. */
void code_find_data(struct code *c)
{
    for (uint32_t n = 0; n < c->count; n++) {
        struct insn *i = &c->insns[n];
        if (has_marks_inside(c->branches, i) || has_marks_inside(c->entries, i))
            i->flags |= INSN_SPLIT | INSN_FIXED;
        if (!(i->flags & (INSN_SYSCALL | INSN_TLS)) || !is_among_odd(c, n))
            continue;
        int is_data = is_in_data(c, n) && !(i->flags & INSN_SYSCALL && has_number(c, n));
        if (is_data || i->flags & INSN_STRANGE)
            i->flags &= (uint16_t) ~(INSN_SYSCALL | INSN_TLS);
        if (is_data || i->flags & INSN_TLS)
            i->flags |= INSN_SPLIT | INSN_FIXED;
    }
}
