/* SPDX-License-Identifier: MIT */
/*
 * A thread-local access that no rewriter can patch, since everything around it may be jumped
 * to.  It needs FS base, which Windows clears at random moments.
 */

#include <pthread.h>
#include <sys/syscall.h>

#include "guest.h"

#define THREADS 4

/* Read 4 bytes, or store them, at an address relative to the thread pointer. */
uint32_t read_unpatched(int64_t offset);
void write_unpatched(int64_t offset, uint32_t value);

/* One-byte instructions, each of which has its address in a table. */
__asm__("	.text\n"
        "	.macro targets\n"
        "	.rept 150\n"
        "1:	cld\n"
        "	.pushsection .data.targets, \"aw\"\n"
        "	.quad 1b\n"
        "	.popsection\n"
        "	.endr\n"
        "	.endm\n"
        "	targets\n"
        "read_unpatched:\n"
        "	.byte 0x64, 0x8b, 0x07\n" /* mov %fs:(%rdi),%eax */
        "2:	ret\n"
        "	targets\n"
        "write_unpatched:\n"
        "	.byte 0x64, 0x89, 0x37\n" /* mov %esi,%fs:(%rdi) */
        "3:	ret\n"
        "	targets\n"
        "	.pushsection .data.targets, \"aw\"\n"
        "	.quad 2b, 3b, read_unpatched, write_unpatched\n"
        "	.popsection\n");

static __thread uint32_t own, other;

static int64_t offset_of(const void *variable)
{
    uint64_t tp;
    __asm__("mov %%fs:0, %0" : "=r"(tp));
    return (int64_t)((uint64_t)variable - tp);
}

static void *use(void *arg)
{
    uint32_t value = (uint32_t)(uintptr_t)arg;
    int64_t offset = offset_of(&own);
    long wrong = 0;
    for (long i = guest_count(20000, 1000000); i > 0; i--) {
        write_unpatched(offset, value);
        syscall(SYS_getppid);
        wrong += read_unpatched(offset) != value || own != value;
        own = ++value;
        syscall(SYS_getppid);
        wrong += read_unpatched(offset) != value;
    }
    other = value;
    CHECK(read_unpatched(offset_of(&other)) == value);
    return (void *)wrong;
}

int main(void)
{
    pthread_t threads[THREADS];
    CHECK(use(NULL) == NULL);
    for (uintptr_t i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, use, (void *)((i + 1) << 28)) == 0);
    for (int i = 0; i < THREADS; i++) {
        void *wrong;
        CHECK(pthread_join(threads[i], &wrong) == 0 && wrong == NULL);
    }
    return guest_result();
}
