/* SPDX-License-Identifier: MIT */
/*
 * A Linux program at 0x400000 that ends, successfully, by a system call of its own: under the
 * filter of seccomp.c it must die of SIGSYS instead.
 */
    .globl _start
_start:
    mov $231, %eax  /* exit_group(0) */
    xor %edi, %edi
    syscall
    hlt

    .section .note.GNU-stack, "", @progbits
