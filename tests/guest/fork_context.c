/* SPDX-License-Identifier: MIT */
/* fork(2) from where it is inconvenient: signal handlers, several threads; registers; atfork. */

#include <pthread.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "guest_process.h"

/* ---- in a signal handler ---- */

static pid_t handler_pid;
static volatile sig_atomic_t handled;

static void fork_in_handler(int number)
{
    handled++;
    handler_pid = fork();
    if (handler_pid == 0)
        handled += number; /* and return, in the child too */
}

static int fork_by_signal(void *arg)
{
    pid_t self = getpid();
    volatile int mark = 11;
    handled = 0;
    signal(SIGUSR1, fork_in_handler);
    if (arg) { /* on an alternate stack */
        stack_t stack = {.ss_sp = malloc(1 << 16), .ss_size = 1 << 16};
        CHECK(sigaltstack(&stack, NULL) == 0);
        struct sigaction action = {.sa_handler = fork_in_handler, .sa_flags = SA_ONSTACK};
        sigaction(SIGUSR1, &action, NULL);
    }
    raise(SIGUSR1);
    if (getpid() != self) {
        sigset_t set;
        sigprocmask(SIG_BLOCK, NULL, &set);
        stack_t stack;
        CHECK(sigaltstack(NULL, &stack) == 0);
        CHECK((stack.ss_flags & SS_DISABLE) == (arg ? 0 : SS_DISABLE));
        CHECK(handled == 1 + SIGUSR1 && mark == 11 && !sigismember(&set, SIGUSR1));
        return 5;
    }
    CHECK(handled == 1 && mark == 11);
    CHECK_EXIT(status_of(handler_pid), 5);
    return 6;
}

/* Signals arrive while others fork and wait: none is lost, every status is right. */
static volatile sig_atomic_t ticks;

static void tick(int number)
{
    (void)number;
    ticks++;
}

static int fork_among_signals(void *arg)
{
    (void)arg;
    struct sigaction action = {.sa_handler = tick, .sa_flags = SA_RESTART};
    sigaction(SIGUSR2, &action, NULL);
    pid_t self = getpid(), pest = start(sleep_for_ever, NULL);
    kill(pest, SIGKILL);
    CHECK_KILLED(status_of(pest), SIGKILL);
    fflush(stdout);
    pest = fork();
    if (pest == 0)
        for (;;) {
            if (kill(self, SIGUSR2) < 0)
                _exit(0);
            usleep(2000); /* a fork that finds a signal pending begins again: leave it time */
        }
    for (int i = 0; i < 30; i++)
        CHECK_EXIT(run(exit_with, (void *)(intptr_t)i), i);
    while (ticks == 0)
        sched_yield();
    CHECK(kill(pest, SIGKILL) == 0);
    CHECK_KILLED(status_of(pest), SIGKILL);
    return 0;
}

/* ---- from a process with threads: only the caller is in the child ---- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static _Atomic int spinning, stop;
static __thread int own = 1;

static void *spin(void *arg)
{
    (void)arg;
    spinning++;
    while (!stop) {
        free(malloc(100));
        pthread_mutex_lock(&mutex);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

static void *fork_here(void *arg)
{
    own = 2;
    pid_t pid = fork();
    if (pid == 0) {
        guest_failures = 0;
        CHECK(own == 2 && getpid() == gettid());
        own = 3;
        free(malloc(1000)); /* its lock is not left locked */
        stop = 0;
        pthread_mutex_init(&mutex, NULL); /* who held it may not be here */
        pthread_t thread;
        int before = spinning;
        CHECK(pthread_create(&thread, NULL, spin, NULL) == 0); /* threads again */
        while (spinning == before)
            sched_yield();
        stop = 1;
        CHECK(pthread_join(thread, NULL) == 0);
        fflush(stdout);
        _exit(guest_failures ? CHILD_FAILED : 9);
    }
    CHECK_EXIT(status_of(pid), 9);
    CHECK(own == 2);
    return arg;
}

static int fork_with_threads(void *arg)
{
    (void)arg;
    pthread_t threads[3], forker;
    spinning = stop = 0;
    for (int i = 0; i < 3; i++)
        CHECK(pthread_create(&threads[i], NULL, spin, NULL) == 0);
    while (spinning < 3)
        sched_yield();
    for (int i = 0; i < 4; i++) {
        CHECK(pthread_create(&forker, NULL, fork_here, NULL) == 0);
        CHECK(pthread_join(forker, NULL) == 0);
    }
    stop = 1;
    for (int i = 0; i < 3; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    return 0;
}

/* Two threads fork at the same time; each waits for its own child. */
static void *fork_many(void *arg)
{
    for (int i = 0; i < 10; i++) {
        pid_t pid = fork();
        if (pid == 0)
            _exit((int)(intptr_t)arg + i);
        int status;
        CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
        CHECK(WEXITSTATUS(status) == (int)(intptr_t)arg + i);
    }
    return NULL;
}

static int fork_in_parallel(void *arg)
{
    (void)arg;
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        CHECK(pthread_create(&threads[i], NULL, fork_many, (void *)(intptr_t)(i * 50)) == 0);
    for (int i = 0; i < 4; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    return 0;
}

/* ---- pthread_atfork(3) ---- */

static char order[32];

static void prepare_1(void)
{
    strcat(order, "p1 ");
}
static void prepare_2(void)
{
    strcat(order, "p2 ");
}
static void parent_1(void)
{
    strcat(order, "P1 ");
}
static void parent_2(void)
{
    strcat(order, "P2 ");
}
static void child_1(void)
{
    strcat(order, "C1 ");
}
static void child_2(void)
{
    strcat(order, "C2 ");
}

static int print_order(void *arg)
{
    (void)arg;
    printf("child: %s\n", order);
    return 0;
}

/* ---- registers ---- */

/*
 * Fork by the bare system call, with values in vector, x87 and general registers that a call keeps
 * (System V ABI: r12-r15, rbx, rbp; the kernel keeps all but rax, rcx and r11, and all vectors).
 */
static int registers(void *arg)
{
    (void)arg;
    uint64_t in[16], out[16], general[6], mxcsr = 0, control = 0;
    double ten = 10, x87 = 0;
    for (int i = 0; i < 16; i++)
        in[i] = 0x0101010101010101ul * (unsigned)(i + 1);
    uint32_t mxcsr_set = 0x1f80 | 0x6000;
    uint16_t control_set = 0x037f | 0x0400;
    fflush(stdout);
    long pid;
    __asm__ volatile("ldmxcsr %[mx]; fldcw %[cw]; fldl %[ten]\n\t"
                     "movq 0(%[in]),%%xmm0; movq 8(%[in]),%%xmm1; movq 16(%[in]),%%xmm2\n\t"
                     "movq 56(%[in]),%%xmm7; movq 64(%[in]),%%xmm8; movq 120(%[in]),%%xmm15\n\t"
                     "mov $0x1212,%%r12; mov $0x1313,%%r13; mov $0x8888,%%r8; mov $0x9999,%%r9\n\t"
                     "mov $57,%%eax; syscall\n\t"
                     "movq %%xmm0,0(%[out]); movq %%xmm1,8(%[out]); movq %%xmm2,16(%[out])\n\t"
                     "movq %%xmm7,56(%[out]); movq %%xmm8,64(%[out]); movq %%xmm15,120(%[out])\n\t"
                     "mov %%r12,0(%[gen]); mov %%r13,8(%[gen]); mov %%r8,16(%[gen])\n\t"
                     "mov %%r9,24(%[gen]); fstpl %[x87]; stmxcsr %[mxo]; fnstcw %[cwo]"
                     : "=a"(pid), [x87] "=m"(x87), [mxo] "=m"(mxcsr), [cwo] "=m"(control)
                     : [mx] "m"(mxcsr_set), [cw] "m"(control_set), [ten] "m"(ten), [in] "b"(in),
                       [out] "S"(out), [gen] "D"(general)
                     : "rcx", "r11", "r12", "r13", "r8", "r9", "xmm0", "xmm1", "xmm2", "xmm7",
                       "xmm8", "xmm15", "memory");
    static const int used[] = {0, 1, 2, 7, 8, 15};
    for (int i = 0; i < 6; i++)
        CHECK(out[used[i]] == in[used[i]]);
    CHECK(general[0] == 0x1212 && general[1] == 0x1313);
    CHECK(general[2] == 0x8888 && general[3] == 0x9999);
    CHECK(x87 == 10 && (uint32_t)mxcsr == mxcsr_set && (uint16_t)control == control_set);
    uint32_t mxcsr_default = 0x1f80;
    uint16_t control_default = 0x037f;
    __asm__ volatile("ldmxcsr %0; fldcw %1" : : "m"(mxcsr_default), "m"(control_default));
    if (pid == 0) {
        fflush(stdout);
        _exit(guest_failures ? CHILD_FAILED : 3);
    }
    CHECK_EXIT(status_of((pid_t)pid), 3);
    return 0;
}

int main(void)
{
    CHECK_EXIT(run(fork_by_signal, NULL), 6);
    CHECK_EXIT(run(fork_by_signal, (void *)1), 6);
    CHECK_EXIT(run(fork_among_signals, NULL), 0);
    CHECK_EXIT(run(fork_with_threads, NULL), 0);
    CHECK_EXIT(run(fork_in_parallel, NULL), 0);
    CHECK_EXIT(run(registers, NULL), 0);

    CHECK(pthread_atfork(prepare_1, parent_1, child_1) == 0);
    CHECK(pthread_atfork(prepare_2, parent_2, child_2) == 0);
    CHECK_EXIT(run(print_order, NULL), 0);
    printf("parent: %s\n", order);
    return guest_result();
}
