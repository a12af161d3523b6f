/* SPDX-License-Identifier: MIT */
/*
 * What a system call may not touch: thread-local variables (the FS base), errno
 * of other threads, the 128 bytes below the stack pointer, callee-saved registers.
 * A million calls in the long run, from several threads at once.
 */

#include <pthread.h>
#include <sys/syscall.h>

#include "guest.h"

#define THREADS 4

static __thread uint64_t local_initialised = 0x1122334455667788;
static __thread uint64_t local_zero;
static __thread char local_block[256];

/*
 * Fill the red zone and the callee-saved registers from `seed`, call getppid, count what changed.
 * rcx and r11 are the call's.
 */
long red_zone_probe(uint64_t seed);

__asm__("	.text\n"
        "red_zone_probe:\n"
        "	push %rbx\n"
        "	push %rbp\n"
        "	push %r12\n"
        "	push %r13\n"
        "	push %r14\n"
        "	push %r15\n"
        "	.set offset, 8\n"
        "	.rept 16\n"
        "	lea offset(%rdi), %rax\n"
        "	mov %rax, -offset(%rsp)\n"
        "	.set offset, offset + 8\n"
        "	.endr\n"
        "	lea 201(%rdi), %rbx\n"
        "	lea 202(%rdi), %rbp\n"
        "	lea 203(%rdi), %r12\n"
        "	lea 204(%rdi), %r13\n"
        "	lea 205(%rdi), %r14\n"
        "	lea 206(%rdi), %r15\n"
        "	lea 207(%rdi), %r8\n"
        "	lea 208(%rdi), %r9\n"
        "	lea 209(%rdi), %r10\n"
        "	mov $110, %eax\n"
        "	syscall\n"
        "	xor %eax, %eax\n"
        "	.macro same value, register\n"
        "	lea \\value(%rdi), %rdx\n"
        "	cmp %rdx, \\register\n"
        "	setne %cl\n"
        "	movzbl %cl, %ecx\n"
        "	add %rcx, %rax\n"
        "	.endm\n"
        "	same 201, %rbx\n"
        "	same 202, %rbp\n"
        "	same 203, %r12\n"
        "	same 204, %r13\n"
        "	same 205, %r14\n"
        "	same 206, %r15\n"
        "	same 207, %r8\n"
        "	same 208, %r9\n"
        "	same 209, %r10\n"
        "	.set offset, 8\n"
        "	.rept 16\n"
        "	same offset, -offset(%rsp)\n"
        "	.set offset, offset + 8\n"
        "	.endr\n"
        "	pop %r15\n"
        "	pop %r14\n"
        "	pop %r13\n"
        "	pop %r12\n"
        "	pop %rbp\n"
        "	pop %rbx\n"
        "	ret\n");

static void *work(void *arg)
{
    uint64_t id = (uintptr_t)arg;
    long calls = guest_count(50000, 1000000);
    long changed = 0, wrong_local = 0, wrong_errno = 0;
    if (local_initialised != 0x1122334455667788 || local_zero)
        wrong_local++;
    memset(local_block, (int)id, sizeof local_block);
    void *self = (void *)pthread_self();

    for (long i = 0; i < calls; i++) {
        local_initialised = id << 40 | (uint64_t)i;
        local_zero = ~local_initialised;
        changed += red_zone_probe(local_initialised);
        wrong_local += local_initialised != (id << 40 | (uint64_t)i);
        wrong_local += local_zero != ~local_initialised;
        wrong_local += local_block[i % 256] != (char)id;
        wrong_local += (void *)pthread_self() != self;

        /* Each thread has an errno of its own. */
        if (id % 2)
            wrong_errno += close(-1) != -1 || errno != EBADF;
        else
            wrong_errno += syscall(SYS_fcntl, 1, 9999) != -1 || errno != EINVAL;
    }
    CHECK(changed == 0);
    CHECK(wrong_local == 0);
    CHECK(wrong_errno == 0);
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    work((void *)1);
    for (uintptr_t i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, work, (void *)(i + 2)) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    return guest_result();
}
