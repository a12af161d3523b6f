/* SPDX-License-Identifier: MIT */
/* Linear sweep over code, and the jump targets that it shows. */

#include "rewrite/decode.h"

#include <stdlib.h>
#include <string.h>

#include "lx/errno.h"

#define CANARY 0x28
#define TABLE_MAX 4096u    /* entries of a jump table */
#define CALL_MAX 512u      /* numbers of system calls are below */
#define TLS_FAR (64 << 20) /* bytes from the thread pointer */
#define FUNCTION_MAX 8192u /* instructions of a function, before and behind a place in it */

static void mark_in(const struct code *c, uint8_t *map, uint64_t at)
{
    if (at < c->in->size)
        map[at / 8] |= (uint8_t)(1u << (at % 8));
}

int code_is_marked(const uint8_t *map, uint32_t at)
{
    return map[at / 8] >> (at % 8) & 1;
}

static void mark(struct code *c, uint64_t at)
{
    mark_in(c, c->targets, at);
}

int code_is_target(const struct code *c, uint32_t at)
{
    return code_is_marked(c->targets, at);
}

int code_is_branch_target(const struct code *c, uint32_t at)
{
    return code_is_marked(c->branches, at);
}

int code_uses_red_zone(const struct code *c, uint32_t n)
{
    uint32_t first = n, end = n + 1;
    while (first > 0 && n - first < FUNCTION_MAX && !code_is_marked(c->entries, c->insns[first].at))
        first--;
    while (end < c->count && end - n < FUNCTION_MAX &&
           !code_is_marked(c->entries, c->insns[end].at))
        end++;
    for (; first < end; first++) {
        if (c->insns[first].flags & INSN_RED)
            return 1;
    }
    return 0;
}

int code_in_text(const struct code *c, uint64_t at)
{
    for (uint32_t i = 0; i < c->in->text_count; i++) {
        if (at >= c->in->text[i].begin && at < c->in->text[i].end)
            return 1;
    }
    return 0;
}

int code_instruction(const struct code *c, uint32_t at, ZydisDecodedInstruction *i,
                     ZydisDecodedOperand *operands)
{
    uint32_t left = c->in->size - at;
    return ZYAN_SUCCESS(
        ZydisDecoderDecodeFull(&c->decoder, c->in->code + at, left < 15 ? left : 15, i, operands));
}

const ZydisDecodedOperand *fs_operand(const ZydisDecodedInstruction *i,
                                      const ZydisDecodedOperand *operands)
{
    if (!(i->attributes & ZYDIS_ATTRIB_HAS_SEGMENT_FS))
        return NULL;
    for (uint32_t n = 0; n < i->operand_count; n++) {
        if (operands[n].type == ZYDIS_OPERAND_TYPE_MEMORY &&
            operands[n].mem.type == ZYDIS_MEMOP_TYPE_MEM &&
            operands[n].mem.segment == ZYDIS_REGISTER_FS)
            return &operands[n];
    }
    return NULL;
}

/* Where the data around `at` ends, or 0. */
static uint64_t data_end(const struct shim_rewrite_input *in, uint64_t at)
{
    for (uint32_t i = 0; i < in->data_count; i++) {
        if (at >= in->data[i].begin && at < in->data[i].end)
            return in->data[i].end;
    }
    return 0;
}

/*
 * A jump table of 32-bit offsets from its own start, as compilers make them for
 * position-independent code: whatever lea loads the address of may be one.
 */
static void mark_table(struct code *c, uint64_t table)
{
    const struct shim_rewrite_input *in = c->in;
    if (table % 4 || code_in_text(c, table))
        return;
    uint64_t end = data_end(in, table), size = end > table ? end - table : 0;
    for (uint32_t n = 0; n < TABLE_MAX && 4 * (n + 1ull) <= size; n++) {
        int32_t offset;
        memcpy(&offset, in->code + table + 4ull * n, sizeof offset);
        uint64_t target = table + (uint64_t)(int64_t)offset;
        if (!code_in_text(c, target))
            return;
        mark(c, target);
    }
}

/*
 * Pointers to code in the data: functions, and jump tables of whole addresses.  In a program that is
 * loaded elsewhere they may be addresses in the file still, from 0 on.  One at a fixed address, which
 * is below 4 GiB, has none of those but other small numbers: the mathematical letters of glibc's
 * tables, U+1D400 to U+1D7FF, would forbid to patch what it has at 0x41d400.
 */
static void mark_pointers(struct code *c, const struct shim_rewrite_range *data)
{
    const struct shim_rewrite_input *in = c->in;
    int relocated = in->addr > 0 && in->addr < 1ull << 32;
    for (uint64_t at = (data->begin + 7ull) & ~7ull; at + 8 <= data->end; at += 8) {
        uint64_t value;
        memcpy(&value, in->code + at, sizeof value);
        if (value - in->addr < in->size && !code_in_text(c, at))
            mark(c, value - in->addr);
        else if (!relocated && value < in->size && value >= 4096 && !code_in_text(c, at))
            mark(c, value);
    }
}

/* Flags of a branch, marking where it goes. */
static uint16_t branch_flags(struct code *c, uint32_t at, const ZydisDecodedInstruction *i,
                             const ZydisDecodedOperand *operands)
{
    uint16_t flags = 0;
    int direct = operands[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE && operands[0].imm.is_relative;
    if (direct) {
        uint64_t to = (uint64_t)at + i->length + (uint64_t)operands[0].imm.value.s;
        int is_call = i->meta.category == ZYDIS_CATEGORY_CALL;
        mark(c, to);
        mark_in(c, is_call ? c->entries : c->branches, to);
    }
    switch (i->meta.category) {
    case ZYDIS_CATEGORY_COND_BR:
        /* jrcxz and loop have no long form */
        if (i->opcode_map == ZYDIS_OPCODE_MAP_DEFAULT && (i->opcode & 0xf0) != 0x70)
            return INSN_FIXED;
        return INSN_BRANCH;
    case ZYDIS_CATEGORY_UNCOND_BR:
        flags = INSN_ENDS;
        return (uint16_t)(flags | (direct ? INSN_BRANCH : 0));
    case ZYDIS_CATEGORY_CALL:
        return direct ? INSN_CALL : INSN_FIXED;
    default:
        return INSN_ENDS; /* ret */
    }
}

/*
 * May it access, or take the address of, memory below the stack pointer?  What is below a
 * frame pointer is, in a function that makes no room for its variables.
 */
static int is_below_stack(const ZydisDecodedInstruction *i, const ZydisDecodedOperand *operands)
{
    if (i->mnemonic == ZYDIS_MNEMONIC_LEA && operands[0].reg.value == ZYDIS_REGISTER_RSP)
        return 0; /* it makes room on the stack */
    for (uint32_t n = 0; n < i->operand_count_visible; n++) {
        if (operands[n].type == ZYDIS_OPERAND_TYPE_MEMORY &&
            (operands[n].mem.base == ZYDIS_REGISTER_RSP ||
             operands[n].mem.base == ZYDIS_REGISTER_RBP) &&
            operands[n].mem.disp.value < 0)
            return 1;
    }
    return 0;
}

/* Not in programs: input and output, far calls, what returns from interrupts. */
static int is_odd(const ZydisDecodedInstruction *i)
{
    switch (i->meta.category) {
    case ZYDIS_CATEGORY_IO:
    case ZYDIS_CATEGORY_IOSTRINGOP:
    case ZYDIS_CATEGORY_SYSRET:
    case ZYDIS_CATEGORY_AMD3DNOW:
        return 1;
    default:
        break;
    }
    switch (i->mnemonic) {
    case ZYDIS_MNEMONIC_CLI:
    case ZYDIS_MNEMONIC_STI:
    case ZYDIS_MNEMONIC_ENTER:
    case ZYDIS_MNEMONIC_XLAT:
    case ZYDIS_MNEMONIC_IRET:
    case ZYDIS_MNEMONIC_IRETD:
    case ZYDIS_MNEMONIC_IRETQ:
        return 1;
    default:
        return i->meta.branch_type == ZYDIS_BRANCH_TYPE_FAR;
    }
}

/* Compilers access thread-local data by ordinary instructions, not far from the thread pointer. */
static int is_strange(const ZydisDecodedInstruction *i, const ZydisDecodedOperand *fs)
{
    switch (i->meta.category) {
    case ZYDIS_CATEGORY_STRINGOP:
    case ZYDIS_CATEGORY_X87_ALU:
    case ZYDIS_CATEGORY_ROTATE:
    case ZYDIS_CATEGORY_SHIFT:
        return 1;
    default:
        break;
    }
    int moffs = i->encoding == ZYDIS_INSTRUCTION_ENCODING_LEGACY &&
                i->opcode_map == ZYDIS_OPCODE_MAP_DEFAULT && (i->opcode & 0xfc) == 0xa0;
    return moffs || i->address_width != 64 || fs->mem.base == ZYDIS_REGISTER_RIP ||
           i->mnemonic == ZYDIS_MNEMONIC_XLAT || fs->mem.disp.value > TLS_FAR ||
           fs->mem.disp.value < -TLS_FAR;
}

static uint16_t classify(struct code *c, uint32_t at, const ZydisDecodedInstruction *i,
                         const ZydisDecodedOperand *operands)
{
    uint16_t flags = 0;
    if (i->attributes & ZYDIS_ATTRIB_IS_RELATIVE)
        for (uint32_t n = 0; n < i->operand_count_visible; n++)
            if (operands[n].type == ZYDIS_OPERAND_TYPE_MEMORY &&
                operands[n].mem.base == ZYDIS_REGISTER_RIP)
                flags |= INSN_RIP;
    if (is_below_stack(i, operands))
        flags |= INSN_RED;
    if (is_odd(i))
        flags |= INSN_ODD;
    switch (i->mnemonic) {
    case ZYDIS_MNEMONIC_SYSCALL:
        return INSN_SYSCALL;
    case ZYDIS_MNEMONIC_UD2:
    case ZYDIS_MNEMONIC_HLT:
        return INSN_ENDS;
    case ZYDIS_MNEMONIC_NOP:
        return INSN_NOP;
    case ZYDIS_MNEMONIC_INT3:
        return INSN_NOP | INSN_FIXED;
    case ZYDIS_MNEMONIC_LEA:
        if (flags & INSN_RIP)
            mark_table(c, (uint64_t)at + i->length + (uint64_t)operands[1].mem.disp.value);
        break;
    default:
        break;
    }
    if (i->meta.branch_type != ZYDIS_BRANCH_TYPE_NONE || i->meta.category == ZYDIS_CATEGORY_RET)
        flags |= branch_flags(c, at, i, operands);
    const ZydisDecodedOperand *fs = fs_operand(i, operands);
    if (i->mnemonic == ZYDIS_MNEMONIC_MOV && operands[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
        operands[0].reg.value == ZYDIS_REGISTER_EAX &&
        operands[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE && operands[1].imm.value.u < CALL_MAX)
        flags |= INSN_NUMBER;
    if (fs) {
        flags |= INSN_TLS | (is_strange(i, fs) ? INSN_STRANGE : 0);
        if (i->mnemonic == ZYDIS_MNEMONIC_MOV && fs == &operands[0] &&
            fs->mem.base == ZYDIS_REGISTER_NONE && fs->mem.disp.value == CANARY)
            c->has_canary_store = 1;
    }
    return flags;
}

static int append(struct code *c, struct insn insn)
{
    if (c->count == c->capacity) {
        uint32_t capacity = c->capacity ? c->capacity * 2 : 65536;
        struct insn *insns = realloc(c->insns, capacity * sizeof *insns);
        if (!insns)
            return -LX_ENOMEM;
        c->insns = insns;
        c->capacity = capacity;
    }
    c->insns[c->count++] = insn;
    return 0;
}

/*
 * Decode one instruction after the other.
 *   breaks  NULL, or where instructions begin in any case.
 */
static int sweep(struct code *c, uint32_t at, uint32_t end, const uint8_t *breaks)
{
    ZydisDecodedInstruction i;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    int err = 0;
    while (err == 0 && at < end) {
        struct insn insn = {.at = at, .size = 1, .flags = INSN_BAD | INSN_FIXED};
        if (code_instruction(c, at, &i, operands) && i.length <= end - at) {
            insn.size = i.length;
            insn.flags = classify(c, at, &i, operands);
        }
        for (uint32_t k = 1; breaks && k < insn.size; k++) {
            if (code_is_marked(breaks, at + k)) {
                insn.size = (uint8_t)k;
                insn.flags = INSN_BAD | INSN_FIXED;
            }
        }
        err = append(c, insn);
        at += insn.size;
    }
    return err;
}

static int sweep_all(struct code *c, const uint8_t *breaks)
{
    const struct shim_rewrite_input *in = c->in;
    int err = 0;
    for (uint32_t i = 0; err == 0 && i < in->text_count; i++) {
        mark(c, in->text[i].begin);
        err = sweep(c, in->text[i].begin, in->text[i].end, breaks);
    }
    return err;
}

int code_decode(struct code *c, const struct shim_rewrite_input *in)
{
    memset(c, 0, sizeof *c);
    c->in = in;
    c->targets = calloc(in->size / 8 + 1, 1);
    c->branches = calloc(in->size / 8 + 1, 1);
    c->entries = calloc(in->size / 8 + 1, 1);
    if (!c->targets || !c->branches || !c->entries)
        return -LX_ENOMEM;
    ZydisDecoderInit(&c->decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    int err = sweep_all(c, NULL);
    uint8_t *breaks = err == 0 ? calloc(in->size / 8 + 1, 1) : NULL;
    if (err == 0 && !breaks)
        err = -LX_ENOMEM;
    if (err == 0 && code_find_breaks(c, breaks)) {
        c->count = 0;
        err = sweep_all(c, breaks);
    }
    free(breaks);
    if (err == 0) {
        code_find_data(c);
        for (uint32_t i = 0; i < in->data_count; i++)
            mark_pointers(c, &in->data[i]);
    }
    return err;
}

void code_free(struct code *c)
{
    free(c->insns);
    free(c->targets);
    free(c->branches);
    free(c->entries);
}
