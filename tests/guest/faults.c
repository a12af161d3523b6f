/* SPDX-License-Identifier: MIT */
/* Faults become signals that a handler can recover from, with the right siginfo. */

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "guest.h"

#define PAGE 4096

static sigjmp_buf jump;
static volatile int got_signal, got_code;
static void *volatile got_address;
static void *volatile got_rip;

static void handle(int sig, siginfo_t *info, void *context)
{
    got_signal = sig;
    got_code = info->si_code;
    got_address = info->si_addr;
    got_rip = (void *)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
    siglongjmp(jump, 1);
}

/* Run `statement`, which must raise `sig`. */
#define FAULT(statement, sig, code)    \
    do {                               \
        got_signal = 0;                \
        if (sigsetjmp(jump, 1) == 0) { \
            statement;                 \
        }                              \
        CHECK(got_signal == (sig));    \
        CHECK(got_code == (code));     \
    } while (0)

static void install(int sig)
{
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO};
    CHECK(sigaction(sig, &action, NULL) == 0);
}

static void memory_faults(void)
{
    volatile char *none = NULL;
    char *page = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    volatile char *v = page;
    CHECK(page != MAP_FAILED);

    FAULT((void)*none, SIGSEGV, SEGV_MAPERR);
    CHECK(got_address == NULL);
    FAULT(none[8] = 1, SIGSEGV, SEGV_MAPERR);
    CHECK(got_address == (void *)8);
    FAULT(v[5] = 1, SIGSEGV, SEGV_ACCERR);
    CHECK(got_address == page + 5);
    FAULT(((void (*)(void))page)(), SIGSEGV, SEGV_ACCERR); /* no execution */
    CHECK(got_address == page && got_rip == page);
    FAULT(((void (*)(void))NULL)(), SIGSEGV, SEGV_MAPERR);
    CHECK(got_address == NULL && got_rip == NULL);

    CHECK(mprotect(page, PAGE, PROT_NONE) == 0);
    FAULT((void)v[1], SIGSEGV, SEGV_ACCERR);
    CHECK(got_address == page + 1);
    CHECK(munmap(page, PAGE) == 0);
    FAULT((void)v[2], SIGSEGV, SEGV_MAPERR);
    CHECK(got_address == page + 2);

    /* A non-canonical address is a general protection fault, which has no address. */
    volatile char *wild = (volatile char *)0x8000000000000000;
    FAULT((void)*wild, SIGSEGV, SI_KERNEL);
    CHECK(got_address == NULL);
    FAULT(__asm__ volatile("hlt"), SIGSEGV, SI_KERNEL);
    FAULT(__asm__ volatile("cli"), SIGSEGV, SI_KERNEL);
}

static void beyond_a_file(void)
{
    int fd = open("faults.tmp", O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(fd >= 0 && write(fd, "abc", 3) == 3);
    char *map = mmap(NULL, 2 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
    CHECK(map != MAP_FAILED);
    CHECK(memcmp(map, "abc\0", 4) == 0);
    volatile char *v = map;
    FAULT((void)v[PAGE], SIGBUS, BUS_ADRERR);
    CHECK(got_address == map + PAGE);
    munmap(map, 2 * PAGE);
    close(fd);
    unlink("faults.tmp");
}

static volatile int zero, minimum = INT32_MIN, minus_one = -1;

static void other_faults(void)
{
    FAULT(zero = minimum / zero, SIGFPE, FPE_INTDIV);
    FAULT(zero = minimum / minus_one, SIGFPE, FPE_INTDIV);
    FAULT(__asm__ volatile("ud2"), SIGILL, ILL_ILLOPN);
    CHECK(got_address == got_rip);
}

/* int3 is reported after itself. */
static void trap_address(void)
{
    static void *volatile after;
    FAULT(__asm__ volatile("lea 1f(%%rip), %%rax\n\tmov %%rax, %0\n\tint3\n1:"
                           : "=m"(after)
                           :
                           : "rax"),
          SIGTRAP, SI_KERNEL);
    CHECK(got_rip == after);
}

static void spoil_vectors(int sig, siginfo_t *info, void *context)
{
    ucontext_t *u = context;
    (void)sig;
    (void)info;
    __asm__ volatile("pcmpeqb %%xmm0, %%xmm0\n\tmovdqa %%xmm0, %%xmm5\n\tmovdqa %%xmm0, %%xmm15\n\t"
                     "fninit\n\tfldz"
                     :
                     :
                     : "xmm0", "xmm5", "xmm15");
    u->uc_mcontext.gregs[REG_RIP] += 2; /* past ud2 */
    /* The frame holds the vector state: what is written there is loaded. */
    u->uc_mcontext.fpregs->_xmm[7].element[0] = 0x77777777;
}

static void vectors_survive(void)
{
    struct sigaction action = {.sa_sigaction = spoil_vectors, .sa_flags = SA_SIGINFO};
    CHECK(sigaction(SIGILL, &action, NULL) == 0);
    uint64_t in = 0x0123456789abcdef, out0 = 0, out5 = 0, out15 = 0, out7 = 0;
    double pi = 0;
    __asm__ volatile("movq %5, %%xmm0\n\tmovq %5, %%xmm5\n\tmovq %5, %%xmm15\n\tmovq %5, %%xmm7\n\t"
                     "fldpi\n\tud2\n\tfstpl %4\n\t"
                     "movq %%xmm0, %0\n\tmovq %%xmm5, %1\n\tmovq %%xmm15, %2\n\tmovq %%xmm7, %3"
                     : "=m"(out0), "=m"(out5), "=m"(out15), "=m"(out7), "=m"(pi)
                     : "r"(in)
                     : "xmm0", "xmm5", "xmm7", "xmm15", "memory");
    CHECK(out0 == in && out5 == in && out15 == in);
    CHECK(out7 == 0x0123456777777777);
    CHECK(pi > 3.14 && pi < 3.15);
}

/* A signal that comes from outside is delivered at a system call; the state is kept as well. */
static void on_call(int sig)
{
    (void)sig;
    __asm__ volatile("pcmpeqb %%xmm1, %%xmm1\n\tmovdqa %%xmm1, %%xmm9" : : : "xmm1", "xmm9");
}

static void vectors_survive_kill(void)
{
    CHECK(signal(SIGUSR1, on_call) != SIG_ERR);
    uint64_t in = 0xfedcba9876543210, out = 0;
    long result;
    __asm__ volatile("movq %2, %%xmm9\n\tsyscall\n\tmovq %%xmm9, %1"
                     : "=a"(result), "=r"(out)
                     : "r"(in), "a"(62L), "D"((long)getpid()), "S"((long)SIGUSR1)
                     : "rcx", "r11", "xmm1", "xmm9", "memory");
    CHECK(result == 0 && out == in);
}

int main(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        install(signals[i]);
    for (long i = guest_count(3, 1000); i > 0; i--) {
        memory_faults();
        other_faults();
        trap_address();
    }
    beyond_a_file();
    vectors_survive();
    vectors_survive_kill();
    return guest_result();
}
