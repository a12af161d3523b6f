/* SPDX-License-Identifier: MIT */
/*
 * System calls leave every vector register alone: xmm, ymm, zmm, mask registers,
 * x87 and MXCSR, over calls that the shim answers itself and calls for which it
 * asks the host.
 */

#include <cpuid.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include "guest.h"

#define STATE_SIZE 16384

static unsigned char before[STATE_SIZE] __attribute__((aligned(64)));
static unsigned char after[STATE_SIZE] __attribute__((aligned(64)));
static unsigned char pattern[64 * 32] __attribute__((aligned(64)));
static int has_avx, has_avx512;

static uint64_t xcr0(void)
{
    uint32_t a, d;
    __asm__("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
    return (uint64_t)d << 32 | a;
}

/* Load the registers, save them, make the call, save them again. */
static long probe(long nr, long a, long b, long c, long d)
{
    register long r10 __asm__("r10") = d;
    long result = nr;
    uint32_t mxcsr = 0x3f80; /* round down */
    uint16_t control = 0x0f7f;

    __asm__ volatile("ldmxcsr %0\n\tfldcw %1\n\tfldpi\n\tfldl2e" : : "m"(mxcsr), "m"(control));
    if (has_avx512)
        __asm__ volatile(
            "vmovdqu64 0(%0), %%zmm0\n\tvmovdqu64 64(%0), %%zmm7\n\tvmovdqu64 128(%0), %%zmm15\n\t"
            "vmovdqu64 192(%0), %%zmm16\n\tvmovdqu64 256(%0), %%zmm31\n\t"
            "kmovq 0(%0), %%k1\n\tkmovq 8(%0), %%k7"
            :
            : "r"(pattern)
            : "memory");
    else if (has_avx)
        __asm__ volatile("vmovdqu 0(%0), %%ymm0\n\tvmovdqu 64(%0), %%ymm7\n\t"
                         "vmovdqu 128(%0), %%ymm8\n\tvmovdqu 192(%0), %%ymm15"
                         :
                         : "r"(pattern)
                         : "memory");
    else
        __asm__ volatile("movdqu 0(%0), %%xmm0\n\tmovdqu 64(%0), %%xmm7\n\t"
                         "movdqu 128(%0), %%xmm8\n\tmovdqu 192(%0), %%xmm15"
                         :
                         : "r"(pattern)
                         : "memory");
    __asm__ volatile("xsave64 (%4)\n\t"
                     "movq %6, %%rax\n\t"
                     "syscall\n\t"
                     "movq %%rax, %0\n\t"
                     "movl $-1, %%eax\n\tmovl $-1, %%edx\n\t"
                     "xsave64 (%5)"
                     : "=m"(result)
                     : "D"(a), "S"(b), "r"(r10), "r"(before), "r"(after), "m"(result), "a"(-1), "d"(-1)
                     : "rcx", "r11", "memory", "cc");
    (void)c;
    __asm__ volatile("fninit");
    return result;
}

static void compare(const char *what)
{
    /* Bytes 464 to 511 belong to software; the header says which parts are there. */
    int same = memcmp(before, after, 464) == 0 && memcmp(before + 576, after + 576, STATE_SIZE - 576) == 0;
    uint64_t had, has;
    memcpy(&had, before + 512, 8);
    memcpy(&has, after + 512, 8);
    if (!same)
        printf("%s changed the vector state\n", what);
    CHECK(same);
    CHECK((had & ~has & 7) == 0);
}

int main(void)
{
    uint32_t a, b, c, d;
    __cpuid(1, a, b, c, d);
    has_avx = (c & bit_AVX) && (xcr0() & 6) == 6;
    __cpuid_count(7, 0, a, b, c, d);
    has_avx512 = has_avx && (b & bit_AVX512F) && (b & bit_AVX512BW) && (xcr0() & 0xe6) == 0xe6;
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = (unsigned char)(i * 37 + 11);

    struct timespec ts = {0, 1000};
    char buf[64];
    int fd = open("vectors.tmp", O_RDWR | O_CREAT, 0600);
    CHECK(fd >= 0);
    for (int round = 0; round < 50; round++) {
        probe(SYS_getppid, 0, 0, 0, 0);
        compare("getppid");
        probe(SYS_clock_gettime, CLOCK_MONOTONIC, (long)&ts, 0, 0);
        compare("clock_gettime");
        probe(SYS_getcwd, (long)buf, sizeof buf, 0, 0);
        compare("getcwd");
        probe(SYS_nanosleep, (long)&(struct timespec){0, 1000}, 0, 0, 0);
        compare("nanosleep");
        probe(SYS_sched_yield, 0, 0, 0, 0);
        compare("sched_yield");
        probe(SYS_stat, (long)"/", (long)after + 8192, 0, 0);
        compare("stat");
        probe(SYS_close, -1, 0, 0, 0);
        compare("close");
        probe(SYS_poll, 0, 0, 0, 0);
        compare("poll");
        probe(1000, 0, 0, 0, 0);
        compare("an unknown call");
    }
    close(fd);
    unlink("vectors.tmp");
    return guest_result();
}
