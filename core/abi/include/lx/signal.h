/* SPDX-License-Identifier: MIT */
#ifndef LX_SIGNAL_H
#define LX_SIGNAL_H

/*
 * Signals.
 *
 * Source  signal(7), sigaction(2), sigaltstack(2); asm/signal.h, asm/sigcontext.h,
 *         asm/ucontext.h, asm-generic/siginfo.h of Linux on x86-64.
 */

#include <stddef.h>
#include <stdint.h>

/* numbers */
#define LX_SIGHUP 1
#define LX_SIGINT 2
#define LX_SIGQUIT 3
#define LX_SIGILL 4
#define LX_SIGTRAP 5
#define LX_SIGABRT 6
#define LX_SIGIOT 6
#define LX_SIGBUS 7
#define LX_SIGFPE 8
#define LX_SIGKILL 9
#define LX_SIGUSR1 10
#define LX_SIGSEGV 11
#define LX_SIGUSR2 12
#define LX_SIGPIPE 13
#define LX_SIGALRM 14
#define LX_SIGTERM 15
#define LX_SIGSTKFLT 16
#define LX_SIGCHLD 17
#define LX_SIGCONT 18
#define LX_SIGSTOP 19
#define LX_SIGTSTP 20
#define LX_SIGTTIN 21
#define LX_SIGTTOU 22
#define LX_SIGURG 23
#define LX_SIGXCPU 24
#define LX_SIGXFSZ 25
#define LX_SIGVTALRM 26
#define LX_SIGPROF 27
#define LX_SIGWINCH 28
#define LX_SIGIO 29
#define LX_SIGPOLL 29
#define LX_SIGPWR 30
#define LX_SIGSYS 31
#define LX_SIGUNUSED 31

/* sigaction(2) */
#define LX_SA_NOCLDSTOP 0x1
#define LX_SA_NOCLDWAIT 0x2
#define LX_SA_SIGINFO 0x4
#define LX_SA_RESTORER 0x4000000
#define LX_SA_ONSTACK 0x8000000
#define LX_SA_RESTART 0x10000000
#define LX_SA_NODEFER 0x40000000
#define LX_SA_NOMASK 0x40000000
#define LX_SA_ONESHOT 0x80000000u
#define LX_SA_RESETHAND 0x80000000u

/* sigprocmask(2) */
#define LX_SIG_BLOCK 0
#define LX_SIG_UNBLOCK 1
#define LX_SIG_SETMASK 2

/* si_code */
#define LX_SI_USER 0
#define LX_BUS_ADRALN 1
#define LX_CLD_EXITED 1
#define LX_FPE_INTDIV 1
#define LX_ILL_ILLOPC 1
#define LX_POLL_IN 1
#define LX_SEGV_MAPERR 1
#define LX_SYS_SECCOMP 1
#define LX_TRAP_BRKPT 1
#define LX_BUS_ADRERR 2
#define LX_CLD_KILLED 2
#define LX_FPE_INTOVF 2
#define LX_ILL_ILLOPN 2
#define LX_POLL_OUT 2
#define LX_SEGV_ACCERR 2
#define LX_TRAP_TRACE 2
#define LX_BUS_OBJERR 3
#define LX_CLD_DUMPED 3
#define LX_FPE_FLTDIV 3
#define LX_ILL_ILLADR 3
#define LX_POLL_MSG 3
#define LX_SEGV_BNDERR 3
#define LX_TRAP_BRANCH 3
#define LX_CLD_TRAPPED 4
#define LX_FPE_FLTOVF 4
#define LX_ILL_ILLTRP 4
#define LX_POLL_ERR 4
#define LX_SEGV_PKUERR 4
#define LX_TRAP_HWBKPT 4
#define LX_CLD_STOPPED 5
#define LX_FPE_FLTUND 5
#define LX_ILL_PRVOPC 5
#define LX_POLL_PRI 5
#define LX_SEGV_ACCADI 5
#define LX_TRAP_UNK 5
#define LX_CLD_CONTINUED 6
#define LX_FPE_FLTRES 6
#define LX_ILL_PRVREG 6
#define LX_POLL_HUP 6
#define LX_SEGV_ADIDERR 6
#define LX_TRAP_PERF 6
#define LX_FPE_FLTINV 7
#define LX_ILL_COPROC 7
#define LX_SEGV_ADIPERR 7
#define LX_FPE_FLTSUB 8
#define LX_ILL_BADSTK 8
#define LX_SEGV_MTEAERR 8
#define LX_ILL_BADIADDR 9
#define LX_SEGV_MTESERR 9
#define LX_FPE_FLTUNK 14
#define LX_FPE_CONDTRAP 15
#define LX_SI_KERNEL 128
#define LX_SI_TKILL (-6)
#define LX_SI_SIGIO (-5)
#define LX_SI_ASYNCIO (-4)
#define LX_SI_MESGQ (-3)
#define LX_SI_TIMER (-2)
#define LX_SI_QUEUE (-1)

#define LX_SIGRTMIN 32
#define LX_SIGRTMAX 64
#define LX_SIG_DFL 0
#define LX_SIG_IGN 1

#define LX_MINSIGSTKSZ 2048

/* sigevent(3type) */
#define LX_SIGEV_SIGNAL 0
#define LX_SIGEV_NONE 1
#define LX_SIGEV_THREAD 2
#define LX_SIGEV_THREAD_ID 4

/* sigaltstack(2) */
#define LX_SS_ONSTACK 1
#define LX_SS_DISABLE 2
#define LX_SS_AUTODISARM 0x80000000u

/* As the system call takes it, which is not as the C library does. */
struct lx_sigaction {
    uint64_t sa_handler;
    uint64_t sa_flags;
    uint64_t sa_restorer;
    uint64_t sa_mask;
};
_Static_assert(sizeof(struct lx_sigaction) == 32, "ABI");

struct lx_stack {
    uint64_t ss_sp;
    uint32_t ss_flags, pad;
    uint64_t ss_size;
};
_Static_assert(sizeof(struct lx_stack) == 24, "ABI");

/* Which members are meant depends on si_signo and si_code: sigaction(2). */
struct lx_siginfo {
    int32_t si_signo, si_errno, si_code, pad;
    union {
        struct {
            int32_t si_pid;
            uint32_t si_uid;
            union {
                uint64_t si_value;
                struct {
                    int32_t si_status, pad2;
                };
            };
            int64_t si_utime, si_stime;
        };
        struct {
            int32_t si_timerid, si_overrun; /* and si_value, above */
        };
        struct {
            uint64_t si_addr;
            int16_t si_addr_lsb;
        };
        struct {
            int64_t si_band;
            int32_t si_fd;
        };
        uint8_t fill[112];
    };
};
_Static_assert(sizeof(struct lx_siginfo) == 128, "ABI");
_Static_assert(offsetof(struct lx_siginfo, si_value) == 24, "ABI");

struct lx_sigevent {
    uint64_t sigev_value;
    int32_t sigev_signo, sigev_notify, sigev_notify_thread_id;
    uint8_t fill[44];
};
_Static_assert(sizeof(struct lx_sigevent) == 64, "ABI");

/* signalfd(2) */
#define LX_SFD_NONBLOCK 04000
#define LX_SFD_CLOEXEC 02000000

struct lx_signalfd_siginfo {
    uint32_t ssi_signo;
    int32_t ssi_errno, ssi_code;
    uint32_t ssi_pid, ssi_uid;
    int32_t ssi_fd;
    uint32_t ssi_tid, ssi_band, ssi_overrun, ssi_trapno;
    int32_t ssi_status, ssi_int;
    uint64_t ssi_ptr, ssi_utime, ssi_stime, ssi_addr;
    uint16_t ssi_addr_lsb, pad2;
    int32_t ssi_syscall;
    uint64_t ssi_call_addr;
    uint32_t ssi_arch;
    uint8_t pad[28];
};
_Static_assert(sizeof(struct lx_signalfd_siginfo) == 128, "ABI");
_Static_assert(offsetof(struct lx_signalfd_siginfo, ssi_ptr) == 48, "ABI");
_Static_assert(offsetof(struct lx_signalfd_siginfo, ssi_addr_lsb) == 80, "ABI");

struct lx_sigcontext {
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, eflags;
    uint16_t cs, gs, fs, ss;
    uint64_t err, trapno, oldmask, cr2;
    uint64_t fpstate; /* address of the XSAVE area, or 0 */
    uint64_t reserved1[8];
};
_Static_assert(sizeof(struct lx_sigcontext) == 256, "ABI");

#define LX_UC_FP_XSTATE 1u
#define LX_UC_SIGCONTEXT_SS 2u
#define LX_UC_STRICT_RESTORE_SS 4u

struct lx_ucontext {
    uint64_t uc_flags, uc_link;
    struct lx_stack uc_stack;
    struct lx_sigcontext uc_mcontext;
    uint64_t uc_sigmask;
};
_Static_assert(sizeof(struct lx_ucontext) == 304, "ABI");

struct lx_rt_sigframe {
    uint64_t pretcode; /* where the handler returns to */
    struct lx_ucontext uc;
    struct lx_siginfo info;
};
_Static_assert(sizeof(struct lx_rt_sigframe) == 440, "ABI");

/* In the XSAVE area's bytes 464 to 511, which the processor leaves to software. */
#define LX_FPX_SW_BYTES_OFFSET 464u
#define LX_FP_XSTATE_MAGIC1 0x46505853u
#define LX_FP_XSTATE_MAGIC2 0x46505845u

struct lx_fpx_sw_bytes {
    uint32_t magic1;
    uint32_t extended_size; /* of the area and the second magic number behind it */
    uint64_t xfeatures;
    uint32_t xstate_size;
    uint32_t padding[7];
};
_Static_assert(sizeof(struct lx_fpx_sw_bytes) == 48, "ABI");

#endif
