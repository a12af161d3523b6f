/* SPDX-License-Identifier: MIT */
/*
 * Jumps to instructions that the rewriter must move: there is no padding near, everything around may
 * be jumped to, and the system call is a target itself.
 */

#include <pthread.h>
#include <sys/syscall.h>

#include "guest.h"

#define THREADS 3

/* getppid by a plain call; `entry` is 0, or where to jump to with the call's number in rax. */
long after_number(void *entry, long number);
long in_loop(void *entry, long number);
long at_once(void *entry, long number);

extern char after_number_call[], in_loop_call[], at_once_call[], at_once_behind[];

/* One-byte instructions, each of which has its address in a table. */
__asm__("	.text\n"
        "	.macro target\n"
        "1:	.pushsection .data.targets, \"aw\"\n"
        "	.quad 1b\n"
        "	.popsection\n"
        "	.endm\n"
        "	.macro targets\n"
        "	.rept 150\n"
        "	target\n"
        "	cld\n"
        "	.endr\n"
        "	.endm\n"
        "	.macro entry\n"
        "	mov %rsi, %rax\n"
        "	test %rdi, %rdi\n"
        "	jz 9f\n"
        "	jmp *%rdi\n"
        "	targets\n"
        "9:	target\n"
        "	.endm\n"

        /* The number is loaded; the system call is covered by what is left of the window. */
        "	targets\n"
        "after_number:	target\n"
        "	entry\n"
        "	mov $110, %eax\n"
        "after_number_call:	target\n"
        "	syscall\n"
        "	target\n"
        "	ret\n"
        "	targets\n"

        /* A jump with a displacement goes to the system call. */
        "in_loop:	target\n"
        "	mov $2, %r8d\n"
        "	entry\n"
        "	target\n"
        "	mov $110, %eax\n"
        "in_loop_call:	target\n"
        "	syscall\n"
        "	target\n"
        "	mov $110, %eax\n"
        "	target\n"
        "	dec %r8d\n"
        "	target\n"
        "	jg in_loop_call\n"
        "	target\n"
        "	mov $110, %eax\n"
        "	syscall\n"
        "	target\n"
        "	ret\n"
        "	targets\n"

        /* Only three bytes before it and two behind it: a target under the patch's own bytes. */
        "at_once:	target\n"
        "	entry\n"
        "	mov %rsi, %rax\n"
        "at_once_call:	target\n"
        "	syscall\n"
        "at_once_behind:	target\n"
        "	mov %eax, %edx\n"
        "	mov %edx, %eax\n"
        "	target\n"
        "	ret\n"
        "	targets\n");

static void *use(void *arg)
{
    long parent = getppid();
    (void)arg;
    for (long i = guest_count(20, 2000); i > 0; i--) {
        CHECK(after_number(NULL, 0) == parent);
        CHECK(after_number(after_number_call, SYS_getppid) == parent);
        CHECK(in_loop(NULL, 0) == parent);
        CHECK(in_loop(in_loop_call, SYS_getppid) == parent);
        CHECK(at_once(NULL, SYS_getppid) == parent);
        CHECK(at_once(at_once_call, SYS_getppid) == parent);
        CHECK(at_once(at_once_behind, 4711) == 4711);
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    use(NULL);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, use, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    return guest_result();
}
