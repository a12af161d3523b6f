/* SPDX-License-Identifier: MIT */
/*
 * Processor exceptions, by a vectored handler.  Guest code is never resumed from
 * here: plat_fault_redirect() sends the thread to the shim, which leaves by its
 * own full-register resume.
 *
 * Source  AddVectoredExceptionHandler, EXCEPTION_RECORD.
 */

#include "internal.h"

#include <stdio.h>
#include <string.h>

#define PF_WRITE 2u
#define PF_USER 4u
#define PF_FETCH 16u
#define NO_TRAP UINT32_MAX
#define TRAP_GP 13u
#define TRAP_PF 14u

static uint32_t trap_of(DWORD code)
{
    switch (code) {
    case EXCEPTION_ACCESS_VIOLATION:
    case EXCEPTION_IN_PAGE_ERROR:
    case EXCEPTION_STACK_OVERFLOW:
    case EXCEPTION_GUARD_PAGE:
        return TRAP_PF;
    case EXCEPTION_ILLEGAL_INSTRUCTION:
        return 6;
    case EXCEPTION_PRIV_INSTRUCTION:
        return TRAP_GP;
    case EXCEPTION_INT_DIVIDE_BY_ZERO:
        return 0;
    case EXCEPTION_INT_OVERFLOW:
        return 4;
    case EXCEPTION_BREAKPOINT:
        return 3;
    case EXCEPTION_SINGLE_STEP:
        return 1;
    case EXCEPTION_DATATYPE_MISALIGNMENT:
        return 17;
    case EXCEPTION_FLT_STACK_CHECK:
        return 16;
    case EXCEPTION_FLT_DENORMAL_OPERAND:
    case EXCEPTION_FLT_DIVIDE_BY_ZERO:
    case EXCEPTION_FLT_INEXACT_RESULT:
    case EXCEPTION_FLT_INVALID_OPERATION:
    case EXCEPTION_FLT_OVERFLOW:
    case EXCEPTION_FLT_UNDERFLOW:
    case 0xc00002b4: /* STATUS_FLOAT_MULTIPLE_FAULTS */
    case 0xc00002b5: /* STATUS_FLOAT_MULTIPLE_TRAPS */
        return 19;
    default:
        return NO_TRAP;
    }
}

/* A general-protection fault is an access violation at -1 here. */
static void describe(const EXCEPTION_RECORD *record, struct plat_fault *fault)
{
    fault->trap = trap_of(record->ExceptionCode);
    if (fault->trap != TRAP_PF || record->NumberParameters < 2)
        return;
    uint64_t kind = record->ExceptionInformation[0];
    fault->address = record->ExceptionInformation[1];
    fault->error = PF_USER | (kind == 1 ? PF_WRITE : 0) | (kind == 8 ? PF_FETCH : 0);
    if (fault->address == UINT64_MAX) {
        *fault = (struct plat_fault){.trap = TRAP_GP};
    }
}

static void load(struct plat_regs *r, const CONTEXT *c)
{
    *r = (struct plat_regs){
        .r8 = c->R8, .r9 = c->R9, .r10 = c->R10, .r11 = c->R11, .r12 = c->R12, .r13 = c->R13,
        .r14 = c->R14, .r15 = c->R15, .rdi = c->Rdi, .rsi = c->Rsi, .rbp = c->Rbp, .rbx = c->Rbx,
        .rdx = c->Rdx, .rax = c->Rax, .rcx = c->Rcx, .rsp = c->Rsp, .rip = c->Rip,
        .rflags = c->EFlags,
    };
}

static void report(const EXCEPTION_RECORD *record, const struct plat_regs *r)
{
    char line[160];
    DWORD written;
    int length = snprintf(line, sizeof line,
                          "tarbox: internal fault %08lx at %llx, address %llx, stack %llx\n",
                          (unsigned long)record->ExceptionCode, (unsigned long long)r->rip,
                          (unsigned long long)record->ExceptionInformation[1],
                          (unsigned long long)r->rsp);
    WriteFile(GetStdHandle(STD_ERROR_HANDLE), line, (DWORD)length, &written, NULL);
}

static LONG WINAPI on_exception(EXCEPTION_POINTERS *pointers)
{
    const EXCEPTION_RECORD *record = pointers->ExceptionRecord;
    CONTEXT *context = pointers->ContextRecord;
    struct plat_fault fault = {0};
    struct plat_regs regs;
    describe(record, &fault);
    if (fault.trap == NO_TRAP)
        return EXCEPTION_CONTINUE_SEARCH; /* raised by software */
    load(&regs, context);
    if (fault.trap == 3) /* Windows steps back to the int3; the processor does not */
        regs.rip = (uint64_t)(uintptr_t)record->ExceptionAddress + 1;
    struct plat_thread *t = plat_thread_self();
    if (!plat_fault_redirect(t, &regs, &fault)) {
        if (!t)
            return EXCEPTION_CONTINUE_SEARCH; /* no guest here: debuggers and crash reports */
        report(record, &regs);
        plat_host_exit(125);
    }
    context->Rip = regs.rip;
    context->Rsp = regs.rsp;
    context->EFlags = (DWORD)regs.rflags;
    return EXCEPTION_CONTINUE_EXECUTION;
}

void windows_faults_install(void)
{
    AddVectoredExceptionHandler(1, on_exception);
}
