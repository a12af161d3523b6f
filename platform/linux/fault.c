/* SPDX-License-Identifier: MIT */
/*
 * Processor exceptions and interrupts, which Linux delivers as signals.  The handlers are set
 * by the system call itself: a sanitizer's wrappers would put their own before.
 *
 * Source  sigaction(2), rt_sigaction(2); asm/sigcontext.h, asm/ucontext.h.
 */

#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "internal.h"

#define SA_RESTORER 0x04000000u /* asm/signal.h */
#define TRAP_BP 3u
#define TRAP_PF 14u

_Static_assert(sizeof(struct plat_regs) == (REG_EFL + 1) * sizeof(greg_t) && REG_R8 == 0 &&
                   REG_RDI == 8 && REG_RIP == 16,
               "plat_regs has the order of struct sigcontext");

void linux_signal_entry(void);
void linux_signal_return(void);
int linux_signal(int signal, siginfo_t *info, ucontext_t *context);

static const int fault_signals[LINUX_FAULT_COUNT] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};

static void set_action(int signal, const struct linux_action *new, struct linux_action *old)
{
    syscall(SYS_rt_sigaction, signal, new, old, sizeof new->mask);
}

void linux_faults_install(void)
{
    const struct linux_action action = {
        .handler = (void *)linux_signal_entry,
        .flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART | SA_RESTORER,
        .restorer = (void *)linux_signal_return,
        .mask = UINT64_MAX,
    };
    for (int i = 0; i < LINUX_FAULT_COUNT; i++)
        set_action(fault_signals[i], &action, &g_linux.faults_before[i]);
    set_action(LINUX_INTERRUPT_SIGNAL, &action, NULL);
}

static char *append(char *at, const char *text)
{
    while (*text)
        *at++ = *text++;
    return at;
}

static char *append_hex(char *at, uint64_t n)
{
    int shift = 60;
    while (shift && !(n >> shift))
        shift -= 4;
    at = append(at, "0x");
    for (; shift >= 0; shift -= 4)
        *at++ = "0123456789abcdef"[n >> shift & 15];
    return at;
}

/* The offset is what addr2line wants. */
static void report(const struct plat_regs *regs, const struct plat_fault *fault)
{
    extern const char __ehdr_start[]; /* the linker's: where the executable was loaded */
    char line[256], *at = append(line, "tarbox: internal fault: trap ");
    at = append_hex(at, fault->trap);
    at = append(at, " at rip ");
    at = append_hex(at, regs->rip);
    at = append(at, " (image offset ");
    at = append_hex(at, regs->rip - (uint64_t)(uintptr_t)__ehdr_start);
    at = append(at, "), address ");
    at = append_hex(at, fault->address);
    at = append(at, "\n");
    if (write(STDERR_FILENO, line, (size_t)(at - line)) < 0)
        return; /* nobody is there to be told */
}

/* End as if our handler had never been: by the action before it. */
static void give_up(void)
{
    for (int i = 0; i < LINUX_FAULT_COUNT; i++)
        set_action(fault_signals[i], &g_linux.faults_before[i], NULL);
}

/* Called by linux_signal_entry.  Returns 0 if the process is to end. */
int linux_signal(int signal, siginfo_t *info, ucontext_t *context)
{
    greg_t *gregs = context->uc_mcontext.gregs;
    if (signal == LINUX_INTERRUPT_SIGNAL) {
        linux_interrupted(gregs);
        return 1;
    }
    if (info->si_code <= 0) { /* sent by a program: once more, when this handler returns */
        give_up();
        syscall(SYS_tgkill, getpid(), gettid(), signal);
        return 0;
    }
    struct plat_regs regs;
    memcpy(&regs, gregs, sizeof regs);
    struct plat_fault fault = {
        .trap = (uint32_t)gregs[REG_TRAPNO],
        .error = (uint32_t)gregs[REG_ERR],
    };
    if (fault.trap == TRAP_PF)
        fault.address = (uint64_t)gregs[REG_CR2];
    if (!plat_fault_redirect(linux_thread_self(), &regs, &fault)) {
        report(&regs, &fault);
        give_up();
        if (fault.trap == TRAP_BP)
            gregs[REG_RIP]--; /* the others repeat by themselves */
        return 0;
    }
    memcpy(gregs, &regs, sizeof regs);
    return 1;
}
