/* SPDX-License-Identifier: MIT */
/*
 * System calls leave every vector register alone: xmm, ymm, zmm, mask registers,
 * x87 and MXCSR, over calls that the shim answers itself and calls for which it
 * asks the host.
 */

#include <cpuid.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "guest.h"

#define STATE_SIZE 16384

/* The names that the assembly below knows. */
unsigned char state_before[STATE_SIZE] __attribute__((aligned(64)));
unsigned char state_after[STATE_SIZE] __attribute__((aligned(64)));
unsigned char state_pattern[64 * 32] __attribute__((aligned(64)));
uint32_t state_kind; /* 0: xmm, 1: ymm, 2: zmm and mask registers */

/* Load the registers, save them, make the call {number, arguments...}, save them again. */
long probe(const long call[7]);

__asm__(
    "	.pushsection .rodata\n"
    "1:	.long 0x3f80\n" /* MXCSR: round down */
    "2:	.word 0x0f7f\n" /* x87: round to zero */
    "	.popsection\n"
    "	.text\n"
    "probe:	push %rbx\n"
    "	mov %rdi, %rbx\n"
    "	ldmxcsr 1b(%rip)\n"
    "	fninit\n"
    "	fldcw 2b(%rip)\n"
    "	fldpi\n"
    "	fldl2e\n"
    "	lea state_pattern(%rip), %rcx\n"
    "	cmpl $1, state_kind(%rip)\n"
    "	je 4f\n"
    "	ja 5f\n"
    "	.irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
    "	movdqu 64*\\n(%rcx), %xmm\\n\n"
    "	.endr\n"
    "	jmp 6f\n"
    "4:	.irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
    "	vmovdqu 64*\\n(%rcx), %ymm\\n\n"
    "	.endr\n"
    "	jmp 6f\n"
    "5:	.irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,"
    "29,30,31\n"
    "	vmovdqu64 64*\\n(%rcx), %zmm\\n\n"
    "	.endr\n"
    "	.irp n,1,2,3,4,5,6,7\n"
    "	kmovq 8*\\n(%rcx), %k\\n\n"
    "	.endr\n"
    "6:	mov $-1, %eax\n"
    "	mov $-1, %edx\n"
    "	xsave64 state_before(%rip)\n"
    "	mov (%rbx), %rax\n"
    "	mov 8(%rbx), %rdi\n"
    "	mov 16(%rbx), %rsi\n"
    "	mov 24(%rbx), %rdx\n"
    "	mov 32(%rbx), %r10\n"
    "	mov 40(%rbx), %r8\n"
    "	mov 48(%rbx), %r9\n"
    "	syscall\n"
    "	mov %rax, %rbx\n"
    "	mov $-1, %eax\n"
    "	mov $-1, %edx\n"
    "	xsave64 state_after(%rip)\n"
    "	mov %rbx, %rax\n"
    "	fninit\n"
    "	cmpl $0, state_kind(%rip)\n"
    "	je 7f\n"
    "	vzeroupper\n"
    "7:	movl $0x1f80, -4(%rsp)\n" /* MXCSR as programs start with it */
    "	ldmxcsr -4(%rsp)\n"
    "	pop %rbx\n"
    "	ret\n");

static uint64_t xcr0(void)
{
    uint32_t a, d;
    __asm__("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
    return (uint64_t)d << 32 | a;
}

static uint32_t kind_of_host(void)
{
    uint32_t a, b, c, d;
    __cpuid(1, a, b, c, d);
    if (!(c & bit_OSXSAVE) || !(c & bit_AVX) || (xcr0() & 6) != 6)
        return 0;
    __cpuid_count(7, 0, a, b, c, d);
    return b & bit_AVX512F && b & bit_AVX512BW && (xcr0() & 0xe6) == 0xe6 ? 2 : 1;
}

static void compare(const char *what)
{
    /* Bytes 464 to 511 are software's; the header at 512 says which parts are there. */
    int same = memcmp(state_before, state_after, 464) == 0 &&
               memcmp(state_before + 576, state_after + 576, STATE_SIZE - 576) == 0;
    uint64_t had, has;
    memcpy(&had, state_before + 512, 8);
    memcpy(&has, state_after + 512, 8);
    if (!same)
        printf("%s changed the vector state\n", what);
    CHECK(same);
    CHECK((had & ~has & 0xe7) == 0);
}

int main(void)
{
    static struct timespec ts, wait = {0, 1000};
    static struct stat st;
    static char buf[4096];

    state_kind = kind_of_host();
    for (size_t i = 0; i < sizeof state_pattern; i++)
        state_pattern[i] = (unsigned char)(i * 37 + i / 64 + 11);
    int fd = open("vectors.tmp", O_RDWR | O_CREAT, 0600);
    CHECK(fd >= 0);

    const struct {
        const char *name;
        long call[7];
        long result;
    } calls[] = {
        {"write", {SYS_write, fd, (long)buf, sizeof buf}, sizeof buf},
        {"pread64", {SYS_pread64, fd, (long)buf, sizeof buf, 0}, sizeof buf},
        {"clock_gettime", {SYS_clock_gettime, CLOCK_MONOTONIC, (long)&ts}, 0},
        {"nanosleep", {SYS_nanosleep, (long)&wait}, 0},
        {"sched_yield", {SYS_sched_yield}, 0},
        {"stat", {SYS_stat, (long)"/", (long)&st}, 0},
        {"close", {SYS_close, -1}, -EBADF},
        {"poll", {SYS_poll, 0, 0, 1}, 0},
        {"mmap", {SYS_mmap, 0, 4096, 0, -1, -1, 0}, -EINVAL},
        {"getrandom", {SYS_getrandom, (long)buf, 16, 0}, 16},
        {"access", {SYS_access, 1, 0}, -EFAULT},
        {"an unknown call", {1000}, -ENOSYS},
    };
    for (int round = 0; round < 50; round++) {
        for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
            CHECK(probe(calls[i].call) == calls[i].result);
            compare(calls[i].name);
        }
    }
    close(fd);
    unlink("vectors.tmp");
    return guest_result();
}
