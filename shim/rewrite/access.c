/* SPDX-License-Identifier: MIT */
/* Accesses through %fs that were not rewritten, as they are met when they fault. */

#include <Zydis/Zydis.h>

#include "plat/thread.h"
#include "rewrite/decode.h"
#include "shim/rewrite.h"

/* The register that an address is made of, as wide as the address. */
static uint64_t value_of(const struct plat_regs *r, ZydisRegister name)
{
    const uint64_t values[] = {r->rax, r->rcx, r->rdx, r->rbx, r->rsp, r->rbp, r->rsi, r->rdi,
                               r->r8,  r->r9,  r->r10, r->r11, r->r12, r->r13, r->r14, r->r15};
    ZydisRegisterClass class = ZydisRegisterGetClass(name);
    uint8_t id = (uint8_t)ZydisRegisterGetId(name);
    if (class == ZYDIS_REGCLASS_GPR64)
        return values[id];
    return class == ZYDIS_REGCLASS_GPR32 ? (uint32_t)values[id] : 0;
}

int shim_rewrite_fs_offset(const uint8_t *code, uint32_t size, const struct plat_regs *regs,
                           uint64_t *offset)
{
    ZydisDecoder decoder;
    ZydisDecodedInstruction i;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, code, size, &i, operands)))
        return 0;
    const ZydisDecodedOperand *fs = fs_operand(&i, operands);
    if (!fs)
        return 0;
    *offset = value_of(regs, fs->mem.base) + value_of(regs, fs->mem.index) * fs->mem.scale +
              (uint64_t)fs->mem.disp.value;
    if (i.address_width == 32)
        *offset = (uint32_t)*offset;
    return 1;
}
