/* SPDX-License-Identifier: MIT */
/*
 * Where the kernel delivers the signals of processor exceptions: on the thread's
 * handler stack, with the registers of whatever was interrupted, a guest's FS
 * base included.  Gives C code the host's FS base, and puts back what was there.
 *
 * Source  sigaction(2); arch/x86/kernel/signal_64.c.
 */

#include "plat/slots.h"
#include "plat/thread.h"

#define RFLAGS_AC 0x40000

    .text

    .globl linux_signal_entry
    .type linux_signal_entry, @function
    .p2align 4
linux_signal_entry: /* (signal, info, context) */
    pushq %rbx                  /* also aligns the stack */
    pushfq
    andl $~RFLAGS_AC, (%rsp)    /* the kernel clears DF and TF, but not AC */
    popfq
    rdfsbase %rbx
    rdgsbase %rax
    testq %rax, %rax
    jz 1f
    movq %gs:PLAT_GS_THREAD, %rax
    testq %rax, %rax
    jz 1f
    movq PLAT_HOST_FS(%rax), %rax
    wrfsbase %rax
1:  call linux_fault
    testl %eax, %eax
    jz 2f                       /* the end: a sanitizer's handler comes next */
    wrfsbase %rbx
2:  popq %rbx
    ret
    .size linux_signal_entry, . - linux_signal_entry

    /* The very instructions by which debuggers recognise a signal frame. */
    .globl linux_signal_return
    .type linux_signal_return, @function
    .p2align 4
linux_signal_return:
    movq $15, %rax              /* rt_sigreturn */
    syscall
    .size linux_signal_return, . - linux_signal_return

    .section .note.GNU-stack, "", @progbits
