/* SPDX-License-Identifier: MIT */
/*
 * Signals for threads that make no system call: their handlers run, may leave the loop or change
 * its registers, and a fatal one, or another thread's exit, ends the program.
 *
 *   spin                         handlers, and the thread goes on
 *   spin exit|kill|thread|alarm  the end of a program whose threads spin
 */

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>

#include "guest.h"

static atomic_int ready, handled, stop;
static __thread volatile long local, others; /* accesses are rewritten: see shim/rewrite */
static sigjmp_buf out_of_loop;

/* No call.  A handler may come between any two instructions, and disturbs none. */
static __attribute__((noinline)) void spin(const atomic_int *until, int value)
{
    long begin = local, count = 0;
    while (*until != value) {
        local++;
        count++;
    }
    CHECK(local - begin == count);
}

static void count(int sig)
{
    (void)sig;
    for (int i = 0; i < 10; i++)
        others++;
    handled++;
}

static void set_handler(int sig, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};
    CHECK(sigaction(sig, &action, NULL) == 0);
}

static void *spinner(void *arg)
{
    ready++;
    spin(arg, 1);
    return NULL;
}

static void start(pthread_t *thread, void *(*run)(void *), void *arg)
{
    ready = 0;
    CHECK(pthread_create(thread, NULL, run, arg) == 0);
    spin(&ready, 1);
}

/* Each signal when the one before was handled: one that is lost ends this never. */
static void from_thread_to_thread(void)
{
    pthread_t thread;
    handled = stop = 0;
    set_handler(SIGUSR1, count);
    start(&thread, spinner, &stop);
    int rounds = (int)guest_count(100, 20000);
    for (int i = 1; i <= rounds; i++) {
        pthread_kill(thread, SIGUSR1);
        while (handled < i)
            sched_yield();
    }
    stop = 1;
    pthread_join(thread, NULL);
    printf("sent %d, handled %d\n", rounds, handled);
}

static void *send(void *arg)
{
    pthread_t *to = arg;
    ready++;
    pthread_kill(*to, SIGUSR1);
    return NULL;
}

static void by_timers(void)
{
    handled = 0;
    set_handler(SIGALRM, count);
    alarm(1);
    spin(&handled, 1);
    printf("alarm\n");

    const struct itimerval fast = {{0, 2000}, {0, 1000}}, none = {{0, 0}, {0, 0}};
    handled = 0;
    CHECK(setitimer(ITIMER_REAL, &fast, NULL) == 0);
    while (handled < 50)
        others++;
    CHECK(setitimer(ITIMER_REAL, &none, NULL) == 0);
    printf("timer\n");
}

static void jump(int sig)
{
    siglongjmp(out_of_loop, sig);
}

static void jumps_out(void)
{
    static atomic_int never;
    pthread_t self = pthread_self(), thread;
    set_handler(SIGUSR1, jump);
    for (volatile int i = 0; i < 20; i++) {
        int sig = sigsetjmp(out_of_loop, 1);
        if (sig == 0) {
            CHECK(pthread_create(&thread, NULL, send, &self) == 0);
            spin(&never, 1);
        }
        CHECK(sig == SIGUSR1);
        pthread_join(thread, NULL);
    }
    sigset_t now;
    CHECK(pthread_sigmask(SIG_BLOCK, NULL, &now) == 0 && !sigismember(&now, SIGUSR1));
    printf("jumped\n");
}

/* The loops below end when a handler changes their register, or where they are. */
static void change_rbx(int sig, siginfo_t *info, void *context)
{
    greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
    (void)sig;
    (void)info;
    if (regs[REG_RBX] == 0x1234)
        regs[REG_RBX] = 0x5678;
}

extern char loop_left[] __asm__("loop_left"), loop_turn[] __asm__("loop_turn"),
    loop_end[] __asm__("loop_end");

static void change_rip(int sig, siginfo_t *info, void *context)
{
    greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
    (void)sig;
    (void)info;
    if (regs[REG_RIP] >= (greg_t)(intptr_t)loop_turn && regs[REG_RIP] < (greg_t)(intptr_t)loop_end)
        regs[REG_RIP] = (greg_t)(intptr_t)loop_left;
}

static void handler_changes_registers(void)
{
    struct sigaction action = {.sa_sigaction = change_rbx, .sa_flags = SA_SIGINFO};
    uint64_t rbx = 0x1234, left = 0;
    const struct itimerval fast = {{0, 2000}, {0, 2000}}, none = {{0, 0}, {0, 0}};
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    CHECK(setitimer(ITIMER_REAL, &fast, NULL) == 0);
    __asm__ volatile("1: cmpq $0x1234, %%rbx; je 1b" : "+b"(rbx) : : "cc");
    printf("rbx %#lx\n", (unsigned long)rbx);

    action.sa_sigaction = change_rip;
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    __asm__ volatile("loop_turn: jmp loop_turn\n"
                     "loop_end: ud2\n"
                     "loop_left: movq $1, %0"
                     : "+r"(left));
    CHECK(setitimer(ITIMER_REAL, &none, NULL) == 0);
    printf("rip %lu\n", (unsigned long)left);
}

/* A blocked signal does not disturb the loop, but comes when it is unblocked. */
static void blocked(void)
{
    pthread_t thread, self = pthread_self();
    sigset_t set;
    handled = 0;
    set_handler(SIGUSR1, count);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    start(&thread, send, &self);
    pthread_join(thread, NULL);
    for (int i = 0; i < 1000000; i++)
        local++;
    CHECK(handled == 0);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    CHECK(handled == 1);
    printf("blocked\n");
}

static void end(const char *how)
{
    static atomic_int never;
    pthread_t threads[3];
    ready = 0;
    for (int i = 0; i < 3; i++)
        CHECK(pthread_create(&threads[i], NULL, spinner, &never) == 0);
    spin(&ready, 3);
    if (strcmp(how, "exit") == 0)
        _exit(5);
    if (strcmp(how, "kill") == 0)
        kill(getpid(), SIGTERM);
    if (strcmp(how, "thread") == 0)
        pthread_kill(threads[1], SIGKILL);
    if (strcmp(how, "alarm") == 0)
        alarm(1);
    spin(&never, 1);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        end(argv[1]);
    from_thread_to_thread();
    by_timers();
    jumps_out();
    handler_changes_registers();
    blocked();
    return guest_result();
}
