/* SPDX-License-Identifier: MIT */
/*
 * Processor exceptions, by a vectored handler.  Guest code is never resumed from
 * here: plat_fault_redirect() sends the thread to the shim, which leaves by its
 * own full-register resume.
 *
 * Differs from Linux: a mapped file that cannot be read (EXCEPTION_IN_PAGE_ERROR) is
 * a page fault like others, SIGSEGV rather than SIGBUS.
 *
 * Source  AddVectoredExceptionHandler, EXCEPTION_RECORD; Intel SDM volume 3, chapter 6.
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
#define TRAP_MF 16u
#define TRAP_XM 19u

#ifndef STATUS_FLOAT_MULTIPLE_FAULTS
#define STATUS_FLOAT_MULTIPLE_FAULTS 0xc00002b4u
#define STATUS_FLOAT_MULTIPLE_TRAPS 0xc00002b5u
#endif

extern IMAGE_DOS_HEADER __ImageBase; /* the start of this executable, by the linker */

static uint32_t trap_of(DWORD code, uint32_t mxcsr)
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
    case EXCEPTION_FLT_DENORMAL_OPERAND:
    case EXCEPTION_FLT_DIVIDE_BY_ZERO:
    case EXCEPTION_FLT_INEXACT_RESULT:
    case EXCEPTION_FLT_INVALID_OPERATION:
    case EXCEPTION_FLT_OVERFLOW:
    case EXCEPTION_FLT_UNDERFLOW:
    case STATUS_FLOAT_MULTIPLE_FAULTS:
    case STATUS_FLOAT_MULTIPLE_TRAPS:
        /* The same codes for x87 and SSE: has SSE an exception that is not masked? */
        return mxcsr & ~(mxcsr >> 7) & 0x3f ? TRAP_XM : TRAP_MF;
    default:
        return NO_TRAP;
    }
}

/* A general-protection fault is an access violation at -1 here. */
static void describe(const EXCEPTION_RECORD *record, uint32_t mxcsr, struct plat_fault *fault)
{
    fault->trap = trap_of(record->ExceptionCode, mxcsr);
    if (fault->trap != TRAP_PF || record->NumberParameters < 2)
        return;
    uint64_t kind = record->ExceptionInformation[0];
    fault->address = record->ExceptionInformation[1];
    fault->error = PF_USER | (kind == 1 ? PF_WRITE : 0) | (kind == 8 ? PF_FETCH : 0);
    if (fault->address == UINT64_MAX)
        *fault = (struct plat_fault){.trap = TRAP_GP};
}

void windows_load_registers(struct plat_regs *r, const CONTEXT *c)
{
    *r = (struct plat_regs){
        .r8 = c->R8,
        .r9 = c->R9,
        .r10 = c->R10,
        .r11 = c->R11,
        .r12 = c->R12,
        .r13 = c->R13,
        .r14 = c->R14,
        .r15 = c->R15,
        .rdi = c->Rdi,
        .rsi = c->Rsi,
        .rbp = c->Rbp,
        .rbx = c->Rbx,
        .rdx = c->Rdx,
        .rax = c->Rax,
        .rcx = c->Rcx,
        .rsp = c->Rsp,
        .rip = c->Rip,
        .rflags = c->EFlags,
    };
}

static void report(const EXCEPTION_RECORD *record, const struct plat_regs *r)
{
    char line[160];
    DWORD written;
    int length = snprintf(
        line, sizeof line, "tarbox: internal fault %08lx at %llx, address %llx, stack %llx\n",
        (unsigned long)record->ExceptionCode, (unsigned long long)r->rip,
        (unsigned long long)record->ExceptionInformation[1], (unsigned long long)r->rsp);
    WriteFile(GetStdHandle(STD_ERROR_HANDLE), line, (DWORD)length, &written, NULL);
}

/* Is it code of a library, as opposed to this executable, or to nothing at all? */
static int is_library(uint64_t rip)
{
    MEMORY_BASIC_INFORMATION info;
    return VirtualQuery((const void *)(uintptr_t)rip, &info, sizeof info) &&
           info.Type == MEM_IMAGE && info.AllocationBase != (const void *)&__ImageBase;
}

static LONG WINAPI on_exception(EXCEPTION_POINTERS *pointers)
{
    const EXCEPTION_RECORD *record = pointers->ExceptionRecord;
    CONTEXT *context = pointers->ContextRecord;
    struct plat_fault fault = {0};
    struct plat_regs regs;
    describe(record, context->MxCsr, &fault);
    if (fault.trap == NO_TRAP)
        return EXCEPTION_CONTINUE_SEARCH; /* raised by software */
    windows_load_registers(&regs, context);
    if (fault.trap == 3) /* Windows steps back to the int3; the processor does not */
        regs.rip = (uint64_t)(uintptr_t)record->ExceptionAddress + 1;
    struct plat_thread *t = plat_thread_self();
    if (!plat_fault_redirect(t, &regs, &fault)) {
        /* No guest here: debuggers and crash reports.  A library: it may have a handler. */
        if (!t || is_library(regs.rip))
            return EXCEPTION_CONTINUE_SEARCH;
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

#define PROBE_SIZE 5u /* of "rdfsbase %rax" */

/* Skip the probe below, and say so in rdx. */
static LONG WINAPI on_probe(EXCEPTION_POINTERS *pointers)
{
    static const uint8_t probe[PROBE_SIZE] = {0xf3, 0x48, 0x0f, 0xae, 0xc0};
    CONTEXT *context = pointers->ContextRecord;
    if (pointers->ExceptionRecord->ExceptionCode != EXCEPTION_ILLEGAL_INSTRUCTION ||
        memcmp((const void *)(uintptr_t)context->Rip, probe, sizeof probe) != 0)
        return EXCEPTION_CONTINUE_SEARCH;
    context->Rip += PROBE_SIZE;
    context->Rdx = 0;
    return EXCEPTION_CONTINUE_EXECUTION;
}

int windows_has_fsgsbase(void)
{
    void *handler = AddVectoredExceptionHandler(1, on_probe);
    uint64_t base, works = 1;
    __asm__ volatile("rdfsbase %%rax" : "=a"(base), "+d"(works));
    RemoveVectoredExceptionHandler(handler);
    return works != 0;
}
