/* SPDX-License-Identifier: MIT */
/*
 * Programs that end badly, or just end: the argument says how.  The exit code, and 128 plus the
 * number of the signal that killed it, must be what it is natively.
 */

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#include "guest.h"

static int overflow(int depth)
{
    volatile char frame[1024];
    frame[0] = (char)depth;
    return overflow(depth + 1) + frame[0];
}

static void *fail_in_thread(void *arg)
{
    (void)arg;
    *(volatile int *)NULL = 1;
    return NULL;
}

static void *exit_in_thread(void *arg)
{
    (void)arg;
    exit(9);
}

static void in_thread(void *(*run)(void *))
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, run, NULL) == 0)
        pthread_join(thread, NULL);
}

static void fault_again(int sig)
{
    (void)sig;
    *(volatile int *)16 = 1; /* SIGSEGV is blocked now */
}

static void ignore_and_fault(void)
{
    signal(SIGSEGV, SIG_IGN); /* does not help against a fault */
    *(volatile int *)NULL = 1;
}

static void without_stack(void)
{
    signal(SIGSEGV, fault_again); /* a handler that has no stack to run on */
    __asm__ volatile("xor %esp, %esp\n\tpush %rax");
}

static void wild_jump(uintptr_t to)
{
    ((void (*)(void))to)();
}

int main(int argc, char **argv)
{
    const char *how = argc == 2 ? argv[1] : "";
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    printf("%s\n", how);
    fflush(stdout);
    if (strcmp(how, "read-null") == 0)
        (void)*(volatile int *)NULL;
    else if (strcmp(how, "write-null") == 0)
        *(volatile int *)NULL = 1;
    else if (strcmp(how, "write-code") == 0)
        *(volatile char *)(uintptr_t)main = 1;
    else if (strcmp(how, "jump-null") == 0)
        wild_jump(0);
    else if (strcmp(how, "jump-wild") == 0)
        wild_jump(0x123456789000);
    else if (strcmp(how, "jump-non-canonical") == 0)
        wild_jump(0x8123456789abcdef);
    else if (strcmp(how, "jump-data") == 0)
        wild_jump((uintptr_t)&guest_failures);
    else if (strcmp(how, "stack-overflow") == 0)
        return overflow(0);
    else if (strcmp(how, "no-stack") == 0)
        without_stack();
    else if (strcmp(how, "ud2") == 0)
        __asm__ volatile("ud2");
    else if (strcmp(how, "hlt") == 0)
        __asm__ volatile("hlt");
    else if (strcmp(how, "int3") == 0)
        __asm__ volatile("int3");
    else if (strcmp(how, "in-port") == 0)
        __asm__ volatile("in $0x80, %%al" : : : "rax");
    else if (strcmp(how, "divide") == 0)
        __asm__ volatile("xor %%ecx, %%ecx\n\tdiv %%ecx" : : : "rax", "rcx", "rdx");
    else if (strcmp(how, "abort") == 0)
        abort();
    else if (strcmp(how, "fault-in-thread") == 0)
        in_thread(fail_in_thread);
    else if (strcmp(how, "exit-in-thread") == 0)
        in_thread(exit_in_thread);
    else if (strcmp(how, "fault-ignored") == 0)
        ignore_and_fault();
    else if (strcmp(how, "fault-in-handler") == 0)
        raise((signal(SIGSEGV, fault_again), SIGSEGV));
    else if (strncmp(how, "exit-", 5) == 0)
        exit(atoi(how + 5));
    else if (strncmp(how, "kill-", 5) == 0)
        kill(getpid(), atoi(how + 5));
    printf("survived\n");
    return 3;
}
