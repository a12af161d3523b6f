/* SPDX-License-Identifier: MIT */
/*
 * seccomp PROGRAM ARG...: run a program that dies of SIGSYS if a guest's code enters the host.
 *
 * On Windows a `syscall` instruction is a Windows system call with a Linux number; Linux, and so
 * Wine, would obey it, and a test would pass that cannot on Windows.  The filter, which every
 * descendant inherits, kills the process on a system call made from an address where only guests
 * have code (core/layout.h).  The host's own code lies elsewhere: libraries at 0x7f.., Linux
 * executables at 0x55.., Wine's loader at 0x7d000000, Windows modules, which make no Linux system
 * calls, anywhere.  Layouts moved for sanitizers are not covered.
 *
 * Source   seccomp(2), prctl(2) PR_SET_NO_NEW_PRIVS, linux/filter.h.
 * Errors   125 with a line on stderr if the filter cannot be installed, 127 if PROGRAM cannot be
 *          executed.
 */

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Programs not position-independent, below 4 GiB. */
#define LOW_START 0x00400000u
#define LOW_END 0x67e00000u

/* Everything else of ours, by the upper halves of its addresses. */
#define HIGH_START 0x1100u
#define HIGH_END 0x5000u

/* Filters see 32 bits at a time. */
#define IP_LOW offsetof(struct seccomp_data, instruction_pointer)
#define IP_HIGH (IP_LOW + 4)

int main(int argc, char **argv)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, IP_HIGH),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, HIGH_END, 5, 0),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, HIGH_START, 5, 0),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 1, 3, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, IP_LOW),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, LOW_END, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, LOW_START, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    const struct sock_fprog program = {.len = sizeof filter / sizeof filter[0], .filter = filter};

    if (argc < 2) {
        fprintf(stderr, "usage: seccomp PROGRAM ARG...\n");
        return 125;
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0) {
        perror("seccomp: installing the filter");
        return 125;
    }
    execvp(argv[1], argv + 1);
    perror(argv[1]);
    return 127;
}
