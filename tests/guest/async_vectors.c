/* SPDX-License-Identifier: MIT */
/*
 * A thread that makes no system call keeps patterns in all of its registers, flags, vector state
 * and red zone, while signals come whose handler overwrites all that it may.
 *
 * The loop compares everything with its pattern in each turn; the handlers run at any of its
 * instructions.
 */

#include <immintrin.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

#include "guest.h"

#define WIDE 64 /* bytes of the widest vector register */

/* What the loop reads, at fixed offsets, and writes. */
struct patterns {
    unsigned char vectors[32][WIDE]; /* 0 */
    uint64_t general[16];            /* 2048 */
    uint32_t mxcsr;                  /* 2176 */
    uint16_t control, unused;        /* 2180 */
    unsigned char x87[16];           /* 2184: in the loop, as fstpt gives it */
    atomic_uint stop;                /* 2200 */
    uint32_t failed;                 /* 2204 */
};

_Static_assert(offsetof(struct patterns, general) == 2048 &&
                   offsetof(struct patterns, failed) == 2204,
               "the assembly below");

static struct patterns patterns __attribute__((aligned(64)));
static atomic_long handled, wrong;
static atomic_int ready;

enum { SSE, AVX, AVX512 };

long loop_sse(struct patterns *p);
long loop_avx(struct patterns *p);
long loop_avx512(struct patterns *p);

/*
 * rdi: the patterns.  r15 is compared first, as it is needed for comparing; -8(%rsp) to
 * -128(%rsp) are the red zone.  Vectors are stored to the stack below it, which is below what
 * is compared, but a signal's frame may not be: so they go to memory above rsp.
 */
#define LOOP_BEGIN(name)                                                       \
    ".globl " name "; " name ":\n"                                             \
    "pushq %rbx; pushq %rbp; pushq %r12; pushq %r13; pushq %r14; pushq %r15\n" \
    "subq $4232, %rsp\n"                                                       \
    "fninit; fldcw 2180(%rdi); fldpi\n"                                        \
    "ldmxcsr 2176(%rdi)\n"
#define LOAD_GENERAL                                                                            \
    "movq 2048(%rdi), %rax; movq 2056(%rdi), %rbx; movq 2064(%rdi), %rcx\n"                     \
    "movq 2072(%rdi), %rdx; movq 2080(%rdi), %rsi; movq 2088(%rdi), %rbp\n"                     \
    "movq 2096(%rdi), %r8; movq 2104(%rdi), %r9; movq 2112(%rdi), %r10\n"                       \
    "movq 2120(%rdi), %r11; movq 2128(%rdi), %r12; movq 2136(%rdi), %r13\n"                     \
    "movq 2144(%rdi), %r14; movq 2152(%rdi), %r15\n"                                            \
    "movq %r15, -8(%rsp); movq %r14, -64(%rsp); movq %r13, -120(%rsp); movq %r12, -128(%rsp)\n" \
    "leaq 64(%rsp), %rsp; leaq -64(%rsp), %rsp\n"
#define COMPARE_GENERAL                                              \
    "2: stc; .rept 16; jnc 9f; nop; .endr\n"                         \
    "clc; .rept 16; jc 9f; nop; .endr\n"                             \
    "cmpq %rax, 2048(%rdi); jne 9f; cmpq %rbx, 2056(%rdi); jne 9f\n" \
    "cmpq %rcx, 2064(%rdi); jne 9f; cmpq %rdx, 2072(%rdi); jne 9f\n" \
    "cmpq %rsi, 2080(%rdi); jne 9f; cmpq %rbp, 2088(%rdi); jne 9f\n" \
    "cmpq %r8, 2096(%rdi); jne 9f; cmpq %r9, 2104(%rdi); jne 9f\n"   \
    "cmpq %r10, 2112(%rdi); jne 9f; cmpq %r11, 2120(%rdi); jne 9f\n" \
    "cmpq %r12, 2128(%rdi); jne 9f; cmpq %r13, 2136(%rdi); jne 9f\n" \
    "cmpq %r14, 2144(%rdi); jne 9f; cmpq %r15, 2152(%rdi); jne 9f\n" \
    "cmpq %r15, -8(%rsp); jne 9f; cmpq %r14, -64(%rsp); jne 9f\n"    \
    "cmpq %r13, -120(%rsp); jne 9f; cmpq %r12, -128(%rsp); jne 9f\n"
/* Store all vectors above the stack pointer and compare, 8 bytes at a time, with r15 and r14. */
#define COMPARE_VECTORS(size, stride)                             \
    "xorl %r15d, %r15d\n"                                         \
    "3: movq (%rsp,%r15), %r14; cmpq (%rdi,%r15), %r14; jne 9f\n" \
    "addq $8, %r15; cmpq $" size ", %r15; jb 3b\n"                \
    "movq 2144(%rdi), %r14; movq 2152(%rdi), %r15\n"
#define COMPARE_CONTROL                                                                    \
    "stmxcsr 2100(%rsp); movl 2100(%rsp), %r15d; cmpl 2176(%rdi), %r15d; jne 9f\n"         \
    "fnstcw 2100(%rsp); movw 2100(%rsp), %r15w; cmpw 2180(%rdi), %r15w; jne 9f\n"          \
    "fld %st(0); fstpt 2112(%rsp); movq 2112(%rsp), %r15; cmpq 2184(%rdi), %r15; jne 9f\n" \
    "movq 2152(%rdi), %r15\n"
#define LOOP_END                                                         \
    "cmpl $0, 2200(%rdi); je 2b\n"                                       \
    "jmp 8f\n"                                                           \
    "9: movl $1, 2204(%rdi)\n"                                           \
    "8: fninit; movl $0x1f80, 2100(%rsp); ldmxcsr 2100(%rsp)\n"          \
    "addq $4232, %rsp\n"                                                 \
    "popq %r15; popq %r14; popq %r13; popq %r12; popq %rbp; popq %rbx\n" \
    "ret\n"
#define EACH16(X) \
    X("0")        \
    X("1")        \
    X("2")        \
    X("3")        \
    X("4")        \
    X("5")        \
    X("6")        \
    X("7")        \
    X("8")        \
    X("9")        \
    X("10")       \
    X("11")       \
    X("12")       \
    X("13")       \
    X("14")       \
    X("15")
#define EACH32(X)     \
    EACH16(X) X("16") \
    X("17")           \
    X("18")           \
    X("19")           \
    X("20")           \
    X("21")           \
    X("22")           \
    X("23")           \
    X("24")           \
    X("25")           \
    X("26")           \
    X("27")           \
    X("28")           \
    X("29")           \
    X("30")           \
    X("31")
#define LOAD_SSE(n) "movups " n "*16(%rdi), %xmm" n "\n"
#define STORE_SSE(n) "movups %xmm" n ", " n "*16(%rsp)\n"
#define LOAD_AVX(n) "vmovups " n "*32(%rdi), %ymm" n "\n"
#define STORE_AVX(n) "vmovups %ymm" n ", " n "*32(%rsp)\n"
#define LOAD_AVX512(n) "vmovups " n "*64(%rdi), %zmm" n "\n"
#define STORE_AVX512(n) "vmovups %zmm" n ", " n "*64(%rsp)\n"

/* clang-format off */
__asm__(".text\n"
        LOOP_BEGIN("loop_sse") EACH16(LOAD_SSE) LOAD_GENERAL
        COMPARE_GENERAL EACH16(STORE_SSE) COMPARE_VECTORS("256", "16") COMPARE_CONTROL LOOP_END
        LOOP_BEGIN("loop_avx") EACH16(LOAD_AVX) LOAD_GENERAL
        COMPARE_GENERAL EACH16(STORE_AVX) COMPARE_VECTORS("512", "32") COMPARE_CONTROL
        LOOP_END
        LOOP_BEGIN("loop_avx512") EACH32(LOAD_AVX512)
        "kmovq 2048(%rdi), %k1; kmovq 2056(%rdi), %k7\n" LOAD_GENERAL
        COMPARE_GENERAL EACH32(STORE_AVX512) COMPARE_VECTORS("2048", "64")
        "kmovq %k1, %r15; cmpq 2048(%rdi), %r15; jne 9f\n"
        "kmovq %k7, %r15; cmpq 2056(%rdi), %r15; jne 9f\n"
        COMPARE_CONTROL LOOP_END);
/* clang-format on */

static void clobber_sse(void)
{
    __asm__ volatile("pcmpeqd %%xmm0, %%xmm0; pcmpeqd %%xmm1, %%xmm1; pcmpeqd %%xmm7, %%xmm7;"
                     "pcmpeqd %%xmm8, %%xmm8; pcmpeqd %%xmm15, %%xmm15; fninit; fldz"
                     :
                     :
                     : "xmm0", "xmm1", "xmm7", "xmm8", "xmm15", "st");
    _mm_setcsr(0x1f80);
}

static __attribute__((target("avx"))) void clobber_avx(void)
{
    __asm__ volatile("vzeroall" : : : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5");
}

static __attribute__((target("avx512f,avx512bw"))) void clobber_avx512(void)
{
    __asm__ volatile("vpternlogd $255, %%zmm16, %%zmm16, %%zmm16;"
                     "vpternlogd $255, %%zmm31, %%zmm31, %%zmm31; kxorq %%k1, %%k1, %%k1;"
                     "kxorq %%k7, %%k7, %%k7"
                     :
                     :
                     : "xmm16", "xmm31", "k1", "k7");
}

static int level;

static void handler(int sig)
{
    uint16_t control;
    (void)sig;
    /* A handler begins with the initial state, whatever it interrupts. */
    __asm__ volatile("fnstcw %0" : "=m"(control));
    if (control != 0x037f || _mm_getcsr() != 0x1f80)
        wrong++;
    if (level >= AVX512)
        clobber_avx512();
    if (level >= AVX)
        clobber_avx();
    clobber_sse();
    /* Registers that a function need not keep, and the flags, the compiler takes as it likes. */
    __asm__ volatile("movq $-1, %%rax; movq %%rax, %%rcx; movq %%rax, %%rdx; movq %%rax, %%rsi;"
                     "movq %%rax, %%rdi; movq %%rax, %%r8; movq %%rax, %%r9; movq %%rax, %%r10;"
                     "movq %%rax, %%r11; movq %%rax, %%rbx; movq %%rax, %%r12; movq %%rax, %%r13;"
                     "movq %%rax, %%r14; movq %%rax, %%r15; addq $1, %%rax"
                     :
                     :
                     : "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12",
                       "r13", "r14", "r15", "cc");
    handled++;
}

static void *keep(void *arg)
{
    (void)arg;
    ready = 1;
    if (level == AVX512)
        loop_avx512(&patterns);
    else if (level == AVX)
        loop_avx(&patterns);
    else
        loop_sse(&patterns);
    return NULL;
}

static void fill(void)
{
    for (int n = 0; n < 32; n++) {
        for (int i = 0; i < WIDE; i++)
            patterns.vectors[n][i] = (unsigned char)(n * 7 + i * 3 + 1);
    }
    for (int n = 0; n < 16; n++)
        patterns.general[n] = 0x1122334455667788ull * (unsigned)(n + 1);
    patterns.mxcsr = 0x7f80;   /* rounds towards zero */
    patterns.control = 0x0b7f; /* rounds up, pi as to the nearest */
    __asm__("fninit; fldpi; fstpt %0" : "=m"(patterns.x87));
    patterns.stop = patterns.failed = 0;
}

/* Registers have patterns of a level only where the processor and the system have it. */
static void run(int which, long full)
{
    static const char *const names[] = {"sse", "avx", "avx512"};
    pthread_t thread;
    level = which;
    fill();
    handled = ready = 0;
    CHECK(pthread_create(&thread, NULL, keep, NULL) == 0);
    while (!ready)
        sched_yield();
    long rounds = guest_count(200, full);
    for (long i = 1; i <= rounds && !patterns.failed; i++) {
        pthread_kill(thread, SIGUSR1);
        while (handled < i && !patterns.failed)
            sched_yield();
    }
    patterns.stop = 1;
    pthread_join(thread, NULL);
    CHECK(!patterns.failed && wrong == 0);
    printf("%s: %s\n", names[which], handled == rounds ? "all handled" : "not all handled");
}

/* async_vectors [ROUNDS]: so many in the full count. */
int main(int argc, char **argv)
{
    long full = argc > 1 ? atol(argv[1]) : 350000;
    struct sigaction action = {.sa_handler = handler};
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    run(SSE, full);
    if (__builtin_cpu_supports("avx"))
        run(AVX, full);
    if (__builtin_cpu_supports("avx512bw"))
        run(AVX512, full);
    return guest_result();
}
