/* SPDX-License-Identifier: MIT */
/*
 * Where the kernel delivers the signals of exceptions and interrupts: on the thread's
 * handler stack, with the registers of whatever was interrupted, a guest's FS
 * base included.  Gives C code the host's FS base, and puts back what was there.
 *
 * Source  sigaction(2); arch/x86/kernel/signal_64.c.
 */

#include "linux/bases.h"
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
    cmpl $0, linux_bases_by_call(%rip)
    jne 3f
    rdfsbase %rbx
    rdgsbase %rax
    testq %rax, %rax
    jz 1f
    movq %gs:PLAT_GS_THREAD, %rax
    testq %rax, %rax
    jz 1f
    movq PLAT_HOST_FS(%rax), %rax
    wrfsbase %rax
1:  call linux_signal
    testl %eax, %eax
    jz 2f                       /* the end: a sanitizer's handler comes next */
    wrfsbase %rbx
2:  popq %rbx
    ret

3:  pushq %r12                  /* the same by system calls; see bases.c */
    pushq %rdi
    pushq %rsi
    pushq %rdx
    subq $16, %rsp
    movl $LINUX_GET_GS, %edi
    call base_call
    xorl %ebx, %ebx             /* the thread's block, if FS base is to be put back */
    cmpq $0, (%rsp)
    jz 4f
    movq %gs:PLAT_GS_THREAD, %rax
    testq %rax, %rax
    jz 4f
    cmpl $PLAT_FS_HOST, PLAT_FS_MODE(%rax)
    je 4f
    movq %rax, %rbx
    movl $LINUX_GET_FS, %edi
    call base_call
    movq (%rsp), %r12
    movq PLAT_HOST_FS(%rbx), %rsi
    movl $LINUX_SET_FS, %edi
    call base_set
4:  addq $16, %rsp
    popq %rdx
    popq %rsi
    popq %rdi
    subq $8, %rsp
    call linux_signal
    addq $8, %rsp
    testl %eax, %eax
    jz 5f
    testq %rbx, %rbx
    jz 5f
    movq %r12, %rsi
    movl $LINUX_SET_FS, %edi
    call base_set
5:  popq %r12
    popq %rbx
    ret

base_call: /* arch_prctl(edi, the caller's stack) */
    leaq 8(%rsp), %rsi
base_set:
    movl $LINUX_NR_ARCH_PRCTL, %eax
    syscall
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
