/* SPDX-License-Identifier: MIT */
/* sigaction(2), sigprocmask(2), kill(2), tgkill(2), sigaltstack(2), contexts. */

#include <setjmp.h>
#include <signal.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "guest.h"

static volatile sig_atomic_t caught, caught_signal, caught_code, caught_value, order[8];
static volatile pid_t caught_pid;

static void handle(int sig, siginfo_t *info, void *context)
{
    (void)context;
    if (caught < 8)
        order[caught] = sig;
    caught++;
    caught_signal = sig;
    caught_code = info->si_code;
    caught_pid = info->si_pid;
    caught_value = info->si_value.sival_int;
}

static void install(int sig, void (*handler)(int, siginfo_t *, void *), int flags)
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = flags | SA_SIGINFO};
    CHECK(sigaction(sig, &action, NULL) == 0);
    caught = 0;
}

static sigset_t set_of(int sig)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, sig);
    return set;
}

static void actions(void)
{
    struct sigaction old, action = {.sa_handler = SIG_IGN};
    install(SIGUSR1, handle, SA_RESTART);
    CHECK(sigaction(SIGUSR1, NULL, &old) == 0);
    CHECK(old.sa_sigaction == handle && (old.sa_flags & SA_RESTART));
    CHECK_ERROR(sigaction(SIGKILL, &action, NULL), EINVAL);
    CHECK_ERROR(sigaction(SIGSTOP, &action, NULL), EINVAL);
    CHECK(sigaction(SIGKILL, NULL, &old) == 0);
    CHECK_ERROR(syscall(SYS_rt_sigaction, 0, NULL, NULL, 8), EINVAL);
    CHECK_ERROR(syscall(SYS_rt_sigaction, 65, NULL, NULL, 8), EINVAL);
    CHECK_ERROR(syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 4), EINVAL);

    CHECK(raise(SIGUSR1) == 0);
    CHECK(caught == 1 && caught_signal == SIGUSR1 && caught_code == SI_TKILL);
    CHECK(caught_pid == getpid());
    CHECK(kill(getpid(), SIGUSR1) == 0);
    CHECK(caught == 2 && caught_code == SI_USER);
    CHECK(sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 42}) == 0);
    CHECK(caught == 3 && caught_code == SI_QUEUE && caught_value == 42);
    CHECK(kill(getpid(), 0) == 0);
    CHECK_ERROR(kill(getpid(), 65), EINVAL);
    CHECK_ERROR(kill(999999, 0), ESRCH);
    CHECK_ERROR(syscall(SYS_tgkill, getpid(), 999999, 0), ESRCH);
    CHECK_ERROR(syscall(SYS_tgkill, getpid(), 0, 0), EINVAL);

    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    raise(SIGUSR1);
    CHECK(caught == 3);

    install(SIGUSR1, handle, SA_RESETHAND);
    raise(SIGUSR1);
    CHECK(sigaction(SIGUSR1, NULL, &old) == 0);
    CHECK(caught == 1 && old.sa_handler == SIG_DFL);
}

static void masks(void)
{
    sigset_t one = set_of(SIGUSR1), old, pending;
    install(SIGUSR1, handle, 0);
    CHECK(sigprocmask(SIG_BLOCK, &one, NULL) == 0);
    raise(SIGUSR1);
    raise(SIGUSR1); /* pending once only */
    CHECK(caught == 0);
    CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1));
    CHECK(!sigismember(&pending, SIGUSR2));
    CHECK(sigprocmask(SIG_UNBLOCK, &one, &old) == 0);
    CHECK(caught == 1 && sigismember(&old, SIGUSR1));
    CHECK(sigpending(&pending) == 0 && !sigismember(&pending, SIGUSR1));

    /* Real-time signals queue; of several, the lowest number comes first. */
    sigset_t all;
    sigfillset(&all);
    install(SIGRTMIN, handle, 0);
    install(SIGRTMIN + 1, handle, 0);
    CHECK(sigprocmask(SIG_SETMASK, &all, &old) == 0);
    for (int i = 0; i < 3; i++)
        CHECK(sigqueue(getpid(), SIGRTMIN + (i == 0), (union sigval){.sival_int = i}) == 0);
    /* SIGKILL and SIGSTOP cannot be blocked. */
    CHECK(sigprocmask(SIG_SETMASK, NULL, &all) == 0);
    CHECK(!sigismember(&all, SIGKILL) && !sigismember(&all, SIGSTOP));
    CHECK(sigprocmask(SIG_SETMASK, &old, NULL) == 0);
    /* The frame of each is pushed before the first handler runs, so they run in reverse order. */
    CHECK(caught == 3);
    CHECK(order[0] == SIGRTMIN + 1 && order[1] == SIGRTMIN && order[2] == SIGRTMIN);
    CHECK_ERROR(sigprocmask(77, &old, NULL), EINVAL);
    CHECK_ERROR(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &old, NULL, 4), EINVAL);
}

static void nested(int sig, siginfo_t *info, void *context)
{
    handle(sig, info, context);
    if (caught < 3)
        raise(sig);
}

static void nesting(void)
{
    install(SIGUSR1, nested, SA_NODEFER);
    raise(SIGUSR1);
    CHECK(caught == 3);

    /* Without SA_NODEFER the signal waits for the handler's end. */
    install(SIGUSR1, nested, 0);
    raise(SIGUSR1);
    CHECK(caught == 3);

    /* sa_mask blocks others during the handler. */
    struct sigaction action = {.sa_sigaction = nested, .sa_flags = SA_SIGINFO};
    sigset_t now;
    sigfillset(&action.sa_mask);
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    caught = 0;
    raise(SIGUSR1);
    CHECK(caught == 3);
    CHECK(sigprocmask(SIG_SETMASK, NULL, &now) == 0 && !sigismember(&now, SIGUSR2));
}

static char other_stack[65536] __attribute__((aligned(16)));

static void on_other_stack(int sig, siginfo_t *info, void *context)
{
    char here;
    stack_t now, none = {.ss_flags = SS_DISABLE};
    handle(sig, info, context);
    CHECK(&here >= other_stack && &here < other_stack + sizeof other_stack);
    CHECK(sigaltstack(NULL, &now) == 0 && now.ss_flags == SS_ONSTACK);
    CHECK_ERROR(sigaltstack(&none, NULL), EPERM);
}

static void alternate_stack(void)
{
    stack_t stack = {.ss_sp = other_stack, .ss_size = sizeof other_stack}, old;
    CHECK(sigaltstack(&stack, &old) == 0 && (old.ss_flags & SS_DISABLE));
    install(SIGUSR2, on_other_stack, SA_ONSTACK);
    raise(SIGUSR2);
    CHECK(caught == 1);
    CHECK(sigaltstack(NULL, &old) == 0);
    CHECK(old.ss_sp == other_stack && old.ss_size == sizeof other_stack && old.ss_flags == 0);
    CHECK_ERROR(sigaltstack(&(stack_t){.ss_sp = other_stack, .ss_size = 100}, NULL), ENOMEM);
    CHECK_ERROR(
        sigaltstack(&(stack_t){.ss_sp = other_stack, .ss_size = 65536, .ss_flags = 64}, NULL),
        EINVAL);
    stack.ss_flags = SS_DISABLE;
    CHECK(sigaltstack(&stack, NULL) == 0);
}

static sigjmp_buf jump;

static void jump_out(int sig, siginfo_t *info, void *context)
{
    handle(sig, info, context);
    siglongjmp(jump, 5);
}

static void jumping(void)
{
    sigset_t now;
    install(SIGUSR1, jump_out, 0);
    volatile int rounds = 0;
    if (sigsetjmp(jump, 1) == 0 || ++rounds < 100)
        raise(SIGUSR1);
    CHECK(rounds == 100 && caught == 100);
    CHECK(sigprocmask(SIG_SETMASK, NULL, &now) == 0 && !sigismember(&now, SIGUSR1));
}

/* Without room for the frame SIGSEGV comes instead, whose handler has a stack of its own. */
static void no_room(void)
{
    stack_t stack = {.ss_sp = other_stack, .ss_size = sizeof other_stack};
    CHECK(sigaltstack(&stack, NULL) == 0);
    install(SIGSEGV, jump_out, SA_ONSTACK);
    install(SIGUSR1, handle, 0);
    if (sigsetjmp(jump, 1) == 0) {
        long result = SYS_tgkill;
        __asm__ volatile("mov %%rsp, %%rbx\n\tmov $4096, %%esp\n\tsyscall\n\tmov %%rbx, %%rsp"
                         : "+a"(result)
                         : "D"(getpid()), "S"(gettid()), "d"(SIGUSR1)
                         : "rbx", "rcx", "r11", "memory");
        CHECK(!"the handler returned");
    }
    CHECK(caught == 1 && caught_signal == SIGSEGV && caught_code == SI_KERNEL);

    /* Nor is there a frame to return to. */
    install(SIGSEGV, jump_out, SA_ONSTACK);
    if (sigsetjmp(jump, 1) == 0) {
        long result = SYS_rt_sigreturn;
        __asm__ volatile("mov %%rsp, %%rbx\n\tmov $4096, %%esp\n\tsyscall\n\tmov %%rbx, %%rsp"
                         : "+a"(result)
                         :
                         : "rbx", "rcx", "r11", "memory");
        CHECK(!"it returned");
    }
    CHECK(caught == 1 && caught_signal == SIGSEGV && caught_code == SI_KERNEL);
    install(SIGSEGV, NULL, 0);
    stack.ss_flags = SS_DISABLE;
    CHECK(sigaltstack(&stack, NULL) == 0);
}

/* Registers changed in a handler's context are those after it. */
static void skip_instruction(int sig, siginfo_t *info, void *context)
{
    ucontext_t *u = context;
    handle(sig, info, context);
    u->uc_mcontext.gregs[REG_RIP] += 2; /* ud2 */
    u->uc_mcontext.gregs[REG_RBX] = 1234;
    sigaddset(&u->uc_sigmask, SIGUSR2);
}

static void context_change(void)
{
    long value = 7, kept;
    sigset_t now, usr2 = set_of(SIGUSR2);
    install(SIGILL, skip_instruction, 0);
    __asm__ volatile("mov $77, %%r12d\n\tud2\n\tmov %%r12, %1"
                     : "+b"(value), "=r"(kept)
                     :
                     : "r12", "memory");
    CHECK(caught == 1 && value == 1234 && kept == 77);
    CHECK(sigprocmask(SIG_UNBLOCK, &usr2, &now) == 0 && sigismember(&now, SIGUSR2));
}

int main(void)
{
    actions();
    masks();
    nesting();
    alternate_stack();
    jumping();
    no_room();
    context_change();
    return guest_result();
}
