/* SPDX-License-Identifier: MIT */
/* Trampoline code. */

#include "rewrite/emit.h"

#include <stdlib.h>
#include <string.h>

#include "lx/errno.h"
#include "plat/slots.h"

#define CANARY 0x28
#define PREFIX_FS 0x64
#define PREFIX_GS 0x65
#define REX_W 0x48
#define MOV_LOAD 0x8b  /* mov r/m64, r64 */
#define MOV_STORE 0x89 /* mov r64, r/m64 */
#define MODRM_DISP32 0x80
#define NO_REGISTER 0xff

void emit_bytes(struct emitter *e, const void *bytes, uint32_t size)
{
    if (e->size + size > e->capacity && e->err == 0) {
        uint32_t capacity = e->capacity ? e->capacity * 2 : 65536;
        uint8_t *grown = realloc(e->bytes, capacity);
        if (grown) {
            e->bytes = grown;
            e->capacity = capacity;
        } else {
            e->err = -LX_ENOMEM;
        }
    }
    if (e->err < 0)
        return;
    memcpy(e->bytes + e->size, bytes, size);
    e->size += size;
}

static void emit_u8(struct emitter *e, uint8_t byte)
{
    emit_bytes(e, &byte, 1);
}

void emit_fill(struct emitter *e, uint8_t byte, uint32_t size)
{
    while (size--)
        emit_u8(e, byte);
}

static void emit_u32(struct emitter *e, uint32_t word)
{
    emit_bytes(e, &word, 4);
}

void emit_jump(struct emitter *e, uint32_t to)
{
    emit_u8(e, 0xe9);
    emit_u32(e, to - (EMIT_HERE(e) + 4));
}

void emit_syscall(struct emitter *e, uint32_t back)
{
    static const uint8_t lea_rcx[] = {0x48, 0x8d, 0x0d};
    static const uint8_t jmp_gs[] = {PREFIX_GS, 0xff, 0x24, 0x25};
    emit_bytes(e, lea_rcx, sizeof lea_rcx);
    emit_u32(e, back - (EMIT_HERE(e) + 4));
    emit_bytes(e, jmp_gs, sizeof jmp_gs);
    emit_u32(e, PLAT_GS_ENTRY);
}

/* mov between a 64-bit register and a %gs slot. */
static void emit_slot(struct emitter *e, uint8_t opcode, uint8_t reg, uint32_t slot)
{
    const uint8_t code[] = {PREFIX_GS, (uint8_t)(REX_W | (reg & 8 ? 4 : 0)), opcode,
                            (uint8_t)(0x04 | (reg & 7) << 3), 0x25};
    emit_bytes(e, code, sizeof code);
    emit_u32(e, slot);
}

/* lea 0(base, reg), reg: any base, reg below 8 and not rsp. */
static void emit_add_base(struct emitter *e, uint8_t reg, uint8_t base)
{
    const uint8_t code[] = {(uint8_t)(REX_W | (base & 8 ? 1 : 0)), 0x8d, (uint8_t)(0x44 | reg << 3),
                            (uint8_t)(reg << 3 | (base & 7)), 0};
    emit_bytes(e, code, sizeof code);
}

static uint8_t number_of(ZydisRegister reg)
{
    ZydisRegister wide = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);
    return wide >= ZYDIS_REGISTER_RAX && wide <= ZYDIS_REGISTER_R15
               ? (uint8_t)(wide - ZYDIS_REGISTER_RAX)
               : NO_REGISTER;
}

/* A register that the instruction neither reads nor writes, not even hidden; one of the first 8. */
static uint8_t free_register(const ZydisDecodedInstruction *i, const ZydisDecodedOperand *operands)
{
    uint32_t used = 1u << 4; /* rsp */
    for (uint32_t n = 0; n < i->operand_count; n++) {
        const ZydisDecodedOperand *o = &operands[n];
        uint8_t regs[2] = {NO_REGISTER, NO_REGISTER};
        if (o->type == ZYDIS_OPERAND_TYPE_REGISTER) {
            regs[0] = number_of(o->reg.value);
        } else if (o->type == ZYDIS_OPERAND_TYPE_MEMORY) {
            regs[0] = number_of(o->mem.base);
            regs[1] = number_of(o->mem.index);
        }
        for (uint32_t k = 0; k < 2; k++) {
            if (regs[k] != NO_REGISTER)
                used |= 1u << regs[k];
        }
    }
    for (uint8_t reg = 0; reg < 8; reg++) {
        if (!(used & 1u << reg) && reg != 5)
            return reg;
    }
    return NO_REGISTER;
}

/*
 * The instruction with its memory operand's base replaced by `reg` and no segment:
 * prefixes and opcode as they are, but for the bit that extends the base.
 */
static int emit_with_base(struct emitter *e, const ZydisDecodedInstruction *i,
                          const ZydisDecodedOperand *fs, const uint8_t *code, uint8_t reg)
{
    int32_t disp = (int32_t)fs->mem.disp.value;
    uint32_t modrm_at = i->raw.modrm.offset;
    uint8_t head[15];
    uint32_t size = 0;
    for (uint32_t n = 0; n < modrm_at; n++) {
        uint8_t byte = code[n];
        if (n < i->raw.prefix_count && byte == PREFIX_FS)
            continue;
        if (i->attributes & ZYDIS_ATTRIB_HAS_REX && n == i->raw.rex.offset)
            byte &= (uint8_t)~1u;
        head[size++] = byte;
    }
    emit_bytes(e, head, size);
    uint8_t field = (uint8_t)(i->raw.modrm.reg << 3);
    if (fs->mem.index != ZYDIS_REGISTER_NONE) {
        emit_u8(e, (uint8_t)(MODRM_DISP32 | field | 4));
        emit_u8(e, (uint8_t)(i->raw.sib.scale << 6 | i->raw.sib.index << 3 | reg));
    } else {
        emit_u8(e, (uint8_t)(MODRM_DISP32 | field | reg));
    }
    emit_u32(e, (uint32_t)disp);
    uint32_t tail = modrm_at + 1 + (i->raw.sib.offset ? 1 : 0) + i->raw.disp.size / 8;
    emit_bytes(e, code + tail, i->length - tail); /* the immediate operand */
    return 0;
}

/* Only plain encodings: legacy, and with VEX only where no bit must change. */
static int is_emittable(const ZydisDecodedInstruction *i, const ZydisDecodedOperand *fs)
{
    if (i->attributes & ZYDIS_ATTRIB_HAS_ADDRESSSIZE || i->meta.branch_type || !i->raw.modrm.offset)
        return 0;
    if (i->encoding == ZYDIS_INSTRUCTION_ENCODING_LEGACY)
        return 1;
    return i->encoding == ZYDIS_INSTRUCTION_ENCODING_VEX &&
           (fs->mem.base == ZYDIS_REGISTER_NONE || number_of(fs->mem.base) < 8);
}

int emit_tls(struct emitter *e, const struct insn *insn)
{
    ZydisDecodedInstruction i;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    const uint8_t *code = e->code->in->code + insn->at;
    if (!code_instruction(e->code, insn->at, &i, operands))
        return -LX_EOPNOTSUPP;
    const ZydisDecodedOperand *fs = fs_operand(&i, operands);
    if (!fs || !is_emittable(&i, fs))
        return -LX_EOPNOTSUPP;
    uint8_t base = number_of(fs->mem.base), reg = free_register(&i, operands);
    if (reg == NO_REGISTER)
        return -LX_EOPNOTSUPP;

    emit_slot(e, MOV_STORE, reg, PLAT_GS_SCRATCH0);
    emit_slot(e, MOV_LOAD, reg, PLAT_GS_TP);
    if (base != NO_REGISTER)
        emit_add_base(e, reg, base);
    int err = emit_with_base(e, &i, fs, code, reg);
    emit_slot(e, MOV_LOAD, reg, PLAT_GS_SCRATCH0);

    /* A new stack protector value: the mirror follows. */
    if (err == 0 && i.mnemonic == ZYDIS_MNEMONIC_MOV && fs == &operands[0] && base == NO_REGISTER &&
        fs->mem.index == ZYDIS_REGISTER_NONE && fs->mem.disp.value == CANARY) {
        uint8_t source = operands[1].type == ZYDIS_OPERAND_TYPE_REGISTER && operands[1].size == 64
                             ? number_of(operands[1].reg.value)
                             : NO_REGISTER;
        if (source == NO_REGISTER)
            return -LX_EOPNOTSUPP;
        emit_slot(e, MOV_STORE, source, PLAT_GS_CANARY);
    }
    return err;
}

/* %fs:0 and the canary: the same instruction on a %gs slot, if it has a 32-bit displacement. */
int emit_tls_in_place(const struct code *c, const struct insn *insn, uint8_t out[15])
{
    ZydisDecodedInstruction i;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    if (!code_instruction(c, insn->at, &i, operands))
        return 0;
    const ZydisDecodedOperand *fs = fs_operand(&i, operands);
    if (!fs || fs->mem.base != ZYDIS_REGISTER_NONE || fs->mem.index != ZYDIS_REGISTER_NONE ||
        i.raw.disp.size != 32 || fs->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE || fs->size != 64 ||
        i.attributes & ZYDIS_ATTRIB_HAS_ADDRESSSIZE)
        return 0;
    uint32_t slot;
    if (fs->mem.disp.value == 0)
        slot = PLAT_GS_TP;
    else if (fs->mem.disp.value == CANARY && c->has_canary_store)
        slot = PLAT_GS_CANARY;
    else
        return 0;
    memcpy(out, c->in->code + insn->at, insn->size);
    for (uint32_t n = 0; n < i.raw.prefix_count; n++) {
        if (out[n] == PREFIX_FS)
            out[n] = PREFIX_GS;
    }
    memcpy(out + i.raw.disp.offset, &slot, sizeof slot);
    return 1;
}

/* jcc and jmp in their long forms. */
static int emit_branch(struct emitter *e, const struct insn *insn)
{
    ZydisDecodedInstruction i;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    if (!code_instruction(e->code, insn->at, &i, operands))
        return -LX_EOPNOTSUPP;
    uint32_t to = insn->at + insn->size + (uint32_t)operands[0].imm.value.s;
    if (insn->flags & INSN_ENDS) {
        emit_jump(e, to);
        return 0;
    }
    const uint8_t jcc[] = {0x0f, (uint8_t)(0x80 | (i.opcode & 0x0f))};
    emit_bytes(e, jcc, sizeof jcc);
    emit_u32(e, to - (EMIT_HERE(e) + 4));
    return 0;
}

/*
 * A call that returns to where it always did, so that unwinders know the place:
 * its return address is pushed, and then it is a jump.
 */
static int emit_call(struct emitter *e, const struct insn *insn)
{
    static const uint8_t lea_rax[] = {0x48, 0x8d, 0x05};
    ZydisDecodedInstruction i;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    if (!code_instruction(e->code, insn->at, &i, operands))
        return -LX_EOPNOTSUPP;
    uint32_t back = insn->at + insn->size;
    emit_slot(e, MOV_STORE, 0, PLAT_GS_SCRATCH0);
    emit_bytes(e, lea_rax, sizeof lea_rax);
    emit_u32(e, back - (EMIT_HERE(e) + 4));
    emit_u8(e, 0x50); /* push %rax */
    emit_slot(e, MOV_LOAD, 0, PLAT_GS_SCRATCH0);
    emit_jump(e, back + (uint32_t)operands[0].imm.value.s);
    return 0;
}

int emit_instruction(struct emitter *e, const struct insn *insn)
{
    if (insn->flags & INSN_FIXED)
        return -LX_EOPNOTSUPP;
    if (insn->flags & INSN_TLS)
        return emit_tls(e, insn);
    if (insn->flags & INSN_BRANCH)
        return emit_branch(e, insn);
    if (insn->flags & INSN_CALL)
        return emit_call(e, insn);
    uint8_t bytes[15];
    memcpy(bytes, e->code->in->code + insn->at, insn->size);
    if (insn->flags & INSN_RIP) {
        ZydisDecodedInstruction i;
        ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
        if (!code_instruction(e->code, insn->at, &i, operands) || i.raw.disp.size != 32)
            return -LX_EOPNOTSUPP;
        uint32_t disp;
        memcpy(&disp, bytes + i.raw.disp.offset, sizeof disp);
        disp += insn->at - EMIT_HERE(e);
        memcpy(bytes + i.raw.disp.offset, &disp, sizeof disp);
    }
    emit_bytes(e, bytes, insn->size);
    return 0;
}
