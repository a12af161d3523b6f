/* SPDX-License-Identifier: MIT */
/*
 * The way from guest code into the shim and back, and the few instructions that
 * touch guest memory which may fault.
 *
 * Nothing here or below it uses the guest's stack, FS base or vector registers.
 * A system call clobbers rcx and r11, as on Linux, and the arithmetic flags.
 * Differs from Linux: they do not hold rip and rflags afterwards.
 *
 * Source  System V ABI x86-64; Microsoft x64 calling convention.
 */

#include "plat/slots.h"
#include "plat/thread.h"

#if !defined(_WIN32)
#include "linux/bases.h"
#endif

#if defined(_WIN32)
#define ARG1 %rcx
#define ARG2 %rdx
#define ARG3 %r8
#define ARG4 %r9
#define SHADOW 32
#define FUNCTION(name) .globl name; .def name; .scl 2; .type 32; .endef; .p2align 4; name:
#define END(name)
#else
#define ARG1 %rdi
#define ARG2 %rsi
#define ARG3 %rdx
#define ARG4 %rcx
#define SHADOW 0
#define FUNCTION(name) .globl name; .type name, @function; .p2align 4; name:
#define END(name) .size name, . - name
#endif

#define RFLAGS 0x202 /* interrupts, and a bit that is always 1: all that a system call keeps */

    .text

/* From a patched system call: rax is its number, rcx the address to go on at. */
FUNCTION(plat_entry_syscall)
    movq %gs:PLAT_GS_THREAD, %r11
    movq %rcx, PLAT_RIP(%r11)
    movq %rsp, PLAT_RSP(%r11)
    movq %rax, PLAT_RAX(%r11)
    movq %rdi, PLAT_RDI(%r11)
    movq %rsi, PLAT_RSI(%r11)
    movq %rdx, PLAT_RDX(%r11)
    movq %r10, PLAT_R10(%r11)
    movq %r8, PLAT_R8(%r11)
    movq %r9, PLAT_R9(%r11)
    movq %rbx, PLAT_RBX(%r11)
    movq %rbp, PLAT_RBP(%r11)
    movq %r12, PLAT_R12(%r11)
    movq %r13, PLAT_R13(%r11)
    movq %r14, PLAT_R14(%r11)
    movq %r15, PLAT_R15(%r11)
    movq $RFLAGS, PLAT_RFLAGS(%r11)
    cld
    movq PLAT_HOST_RSP(%r11), %rsp
#if defined(TARBOX_SANITIZED)
    movq %r11, %rbx
    call plat_gate              /* instrumented code uses vectors and FS base */
    movq %rbx, %r11
#endif
    movq %r11, ARG1
#if SHADOW
    subq $SHADOW, %rsp
#endif
    call *PLAT_ON_SYSCALL(%r11)
    movq %gs:PLAT_GS_THREAD, %r11
11: movq PLAT_ATTEND(%r11), %rax
    cmpl $0, (%rax)             /* the last look: from here on an interrupt begins again */
    jne plat_entry_attend
    cmpl $0, PLAT_EXIT_WORK(%r11)
    jne 1f
#if defined(TARBOX_SANITIZED)
    movq PLAT_RBX(%r11), %rbx
#endif
    movq PLAT_RAX(%r11), %rax
    movq PLAT_RDI(%r11), %rdi
    movq PLAT_RSI(%r11), %rsi
    movq PLAT_RDX(%r11), %rdx
    movq PLAT_R10(%r11), %r10
    movq PLAT_R8(%r11), %r8
    movq PLAT_R9(%r11), %r9
    movq PLAT_RIP(%r11), %rcx
    movq PLAT_RSP(%r11), %rsp
    jmp *%rcx
12:
1:  movq %r11, ARG1
    call plat_resume
    ud2
END(plat_entry_syscall)

/* The guest's registers are in the block: have the host see to it, then go on. */
.macro ENTER_HOST callback
    cld
    movq %gs:PLAT_GS_THREAD, %rbx
    movq PLAT_HOST_RSP(%rbx), %rsp
#if defined(TARBOX_SANITIZED)
    call plat_gate
#endif
#if SHADOW
    subq $SHADOW, %rsp
#endif
    movq %rbx, ARG1
    call *\callback(%rbx)
    movq %rbx, ARG1
    call plat_resume
    ud2
.endm

/* From a host's exception handler, which has set rsp to the host stack. */
FUNCTION(plat_entry_fault)
    ENTER_HOST PLAT_ON_FAULT
END(plat_entry_fault)

/*
 * The guest was interrupted, or is to be before it goes on: its general registers are in
 * the block, whatever is in the processor's.
 */
FUNCTION(plat_entry_attend)
    ENTER_HOST PLAT_ON_INTERRUPT
END(plat_entry_attend)

/*
 * plat_resume(thread): all registers, then an indirect jump through a slot.  It may begin
 * again at any instruction: it takes nothing out of the block before it is in place.
 */
FUNCTION(plat_resume)
    movq ARG1, %rbx
13: movq PLAT_ATTEND(%rbx), %rax
    cmpl $0, (%rax)
    jne plat_entry_attend
    movl $0, PLAT_EXIT_WORK(%rbx)
    cmpl $0, PLAT_VECTORS_SAVED(%rbx)
    je 1f
    movq PLAT_XSAVE(%rbx), %rcx
    movl PLAT_XSAVE_MASK(%rbx), %eax
    movl PLAT_XSAVE_MASK+4(%rbx), %edx
    xrstor64 (%rcx)
    movl $0, PLAT_VECTORS_SAVED(%rbx)
1:  cmpl $PLAT_FS_HOST, PLAT_FS_MODE(%rbx)
    je 3f
    xorl %eax, %eax
    cmpl $PLAT_FS_GUEST, PLAT_FS_MODE(%rbx)
    jne 2f
    movq PLAT_GUEST_FS(%rbx), %rax
2:
#if !defined(_WIN32)
    cmpl $0, linux_bases_by_call(%rip)
    jne 4f
#endif
    wrfsbase %rax
3:  movq PLAT_RIP(%rbx), %rax
    movq %rax, %gs:PLAT_GS_RESUME
    movq PLAT_HOST_RSP(%rbx), %rsp
    pushq PLAT_RFLAGS(%rbx)
    popfq
    movq PLAT_RAX(%rbx), %rax
    movq PLAT_RCX(%rbx), %rcx
    movq PLAT_RDX(%rbx), %rdx
    movq PLAT_RSI(%rbx), %rsi
    movq PLAT_RDI(%rbx), %rdi
    movq PLAT_RBP(%rbx), %rbp
    movq PLAT_R8(%rbx), %r8
    movq PLAT_R9(%rbx), %r9
    movq PLAT_R10(%rbx), %r10
    movq PLAT_R11(%rbx), %r11
    movq PLAT_R12(%rbx), %r12
    movq PLAT_R13(%rbx), %r13
    movq PLAT_R14(%rbx), %r14
    movq PLAT_R15(%rbx), %r15
    movq PLAT_RSP(%rbx), %rsp
    movq PLAT_RBX(%rbx), %rbx
    jmp *%gs:PLAT_GS_RESUME
#if !defined(_WIN32)
4:  movq %rax, %rsi
    movl $LINUX_SET_FS, %edi
    movl $LINUX_NR_ARCH_PRCTL, %eax
    syscall
    jmp 3b
#endif
14:
END(plat_resume)

/* plat_thread_again(thread, function) */
FUNCTION(plat_thread_again)
    movq PLAT_HOST_RSP(ARG1), %rsp
#if SHADOW
    subq $SHADOW, %rsp
#endif
    call *ARG2
    ud2
END(plat_thread_again)

/* plat_copy_guest(to, from, size): what is left when an access faults. */
FUNCTION(plat_copy_guest)
#if SHADOW
    movq %rdi, %r10
    movq %rsi, %r11
    movq ARG1, %rdi
    movq ARG2, %rsi
    movq ARG3, %rcx
#else
    movq ARG3, %rcx
#endif
    cmpq $256, %rcx             /* short copies: words, then bytes; rep costs 30 ns to start */
    ja 2f
    jmp 16f
1:  movq (%rsi), %rax           /* where a word faults, its bytes are tried at 3 */
    movq 8(%rsi), %rdx
    movq 16(%rsi), %r8
    movq 24(%rsi), %r9
    movq %rax, (%rdi)
    movq %rdx, 8(%rdi)
    movq %r8, 16(%rdi)
    movq %r9, 24(%rdi)
    addq $32, %rsi
    addq $32, %rdi
    subq $32, %rcx
16: cmpq $32, %rcx
    jae 1b
    jmp 18f
17: movq (%rsi), %rax
    movq %rax, (%rdi)
    addq $8, %rsi
    addq $8, %rdi
    subq $8, %rcx
18: cmpq $8, %rcx
    jae 17b
3:  testq %rcx, %rcx
    je 5f
4:  movb (%rsi), %al
    movb %al, (%rdi)
    incq %rsi
    incq %rdi
    decq %rcx
    jne 4b
    jmp 5f
2:  rep movsb
5:  /* also the fixup: rcx bytes are left */
    movq %rcx, %rax
#if SHADOW
    movq %r10, %rdi
    movq %r11, %rsi
#endif
    ret
END(plat_copy_guest)

/* plat_load_guest32(word, old) */
FUNCTION(plat_load_guest32)
6:  movl (ARG1), %eax
7:  movl %eax, (ARG2)
    xorl %eax, %eax
    ret
END(plat_load_guest32)

/* plat_cmpxchg_guest32(word, expected, desired, old) */
FUNCTION(plat_cmpxchg_guest32)
#if SHADOW
    movl %edx, %eax
8:  lock cmpxchgl %r8d, (%rcx)
9:  movl %eax, (%r9)
#else
    movl %esi, %eax
8:  lock cmpxchgl %edx, (%rdi)
9:  movl %eax, (%rcx)
#endif
    xorl %eax, %eax
    ret
END(plat_cmpxchg_guest32)

10: movl $1, %eax
    ret

#if defined(_WIN32)
    .section .rdata, "dr"
#else
    .section .data.rel.ro, "aw"
#endif
    .p2align 3
    .globl plat_fixups
plat_fixups:
    .quad 1b, 3b, 3b
    .quad 3b, 5b, 5b
    .quad 6b, 7b, 10b
    .quad 8b, 9b, 10b
    .globl plat_exits
plat_exits:
    .quad 11b, 12b
    .quad 13b, 14b
    .globl plat_fixup_count
plat_fixup_count:
    .long 4
    .globl plat_exit_count
plat_exit_count:
    .long 2

#if !defined(_WIN32)
    .section .note.GNU-stack, "", @progbits
#endif
