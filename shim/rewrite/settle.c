/* SPDX-License-Identifier: MIT */
/*
 * Trampolines as interrupts meet them.  Several instructions stand for one of the program's,
 * with a register of the program's in a %gs slot meanwhile: what is emitted by rewrite/emit.c
 * is known here by its bytes.  Nothing else in a program uses these slots.
 */

#include "core/mem.h"
#include "plat/slots.h"
#include "plat/thread.h"
#include "shim/rewrite.h"

#define SLOT_SIZE 9u     /* mov between a register and a %gs slot */
#define LEA_BASE_SIZE 5u /* lea 0(base, reg), reg */
#define LEA_RIP_SIZE 7u  /* lea disp(%rip), reg */
#define LOAD 0x8b
#define STORE 0x89
#define PUSH_RAX 0x50
#define RAX 0

static uint64_t *register_of(struct plat_regs *r, uint32_t number)
{
    uint64_t *const registers[16] = {&r->rax, &r->rcx, &r->rdx, &r->rbx, &r->rsp, &r->rbp,
                                     &r->rsi, &r->rdi, &r->r8,  &r->r9,  &r->r10, &r->r11,
                                     &r->r12, &r->r13, &r->r14, &r->r15};
    return registers[number];
}

/* Is it emit_slot() of this opcode and slot, and of which register? */
static int is_slot(const uint8_t *code, uint8_t opcode, uint32_t slot, uint32_t *reg)
{
    uint32_t displacement;
    memcpy(&displacement, code + 5, sizeof displacement);
    *reg = (code[3] >> 3 & 7u) | (code[1] & 4u) << 1;
    return code[0] == 0x65 && (code[1] & ~4u) == 0x48 && code[2] == opcode &&
           (code[3] & ~0x38u) == 0x04 && code[4] == 0x25 && displacement == slot;
}

static int is_lea_rip(const uint8_t *code, uint32_t reg)
{
    return code[0] == 0x48 && code[1] == 0x8d && code[2] == (0x05 | reg << 3);
}

static int is_lea_base(const uint8_t *code, uint32_t reg)
{
    return (code[0] & ~1u) == 0x48 && code[1] == 0x8d && code[2] == (0x44 | reg << 3) &&
           code[3] >> 3 == reg && code[4] == 0;
}

/* jmp *%gs:PLAT_GS_ENTRY, with its return address in rcx, which it may overwrite. */
static int is_entry(const uint8_t *code)
{
    uint32_t displacement;
    memcpy(&displacement, code + 4, sizeof displacement);
    return code[0] == 0x65 && code[1] == 0xff && code[2] == 0x24 && code[3] == 0x25 &&
           displacement == PLAT_GS_ENTRY && is_lea_rip(code - LEA_RIP_SIZE, 1);
}

/*
 * Behind the beginning of an access or a call, whose work is not done yet: bytes back to the
 * beginning, or 0.  `reg` is in the slot.
 */
static uint32_t behind_start(const uint8_t *code, uint32_t *reg)
{
    uint32_t saved;
    if (is_slot(code - SLOT_SIZE, STORE, PLAT_GS_SCRATCH0, reg))
        return SLOT_SIZE;
    if (is_slot(code - SLOT_SIZE, LOAD, PLAT_GS_TP, reg) &&
        is_slot(code - 2 * SLOT_SIZE, STORE, PLAT_GS_SCRATCH0, &saved) && saved == *reg)
        return 2 * SLOT_SIZE;
    const uint8_t *before = code - LEA_BASE_SIZE;
    if (is_slot(before - SLOT_SIZE, LOAD, PLAT_GS_TP, reg) && is_lea_base(before, *reg) &&
        is_slot(before - 2 * SLOT_SIZE, STORE, PLAT_GS_SCRATCH0, &saved) && saved == *reg)
        return 2 * SLOT_SIZE + LEA_BASE_SIZE;
    before = code - LEA_RIP_SIZE;
    if (code[0] == PUSH_RAX && is_lea_rip(before, RAX) &&
        is_slot(before - SLOT_SIZE, STORE, PLAT_GS_SCRATCH0, reg) && *reg == RAX)
        return SLOT_SIZE + LEA_RIP_SIZE;
    return 0;
}

int shim_rewrite_settle(const uint8_t *code, struct plat_regs *regs)
{
    uint32_t reg;
    if (is_slot(code, LOAD, PLAT_GS_SCRATCH0, &reg)) {
        *register_of(regs, reg) = plat_thread_scratch();
        regs->rip += SLOT_SIZE;
        return 1;
    }
    if (is_slot(code, STORE, PLAT_GS_CANARY, &reg)) {
        plat_thread_set_canary(*register_of(regs, reg));
        regs->rip += SLOT_SIZE;
        return 1;
    }
    if (is_entry(code)) {
        regs->rip -= LEA_RIP_SIZE;
        return 1;
    }
    uint32_t back = behind_start(code, &reg);
    if (!back)
        return 0;
    *register_of(regs, reg) = plat_thread_scratch();
    regs->rip -= back;
    return 1;
}
