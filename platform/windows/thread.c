/* SPDX-License-Identifier: MIT */
/*
 * Host threads: those that carry a guest thread, and plain ones.  A guest thread's
 * host stack is the thread's own stack, committed as far as the shim may go, since
 * Windows grows stacks by guard pages only while the stack pointer is in them.
 *
 * A guest thread that ends leaves its host thread behind, with its stack and block,
 * for the next one: thread_pool.c.
 *
 * Source  CreateThread, "Thread Stack Size", "Condition Variables".
 */

#include "internal.h"

#include <process.h>
#include <stdlib.h>

#include "lx/errno.h"
#include "plat/slots.h"

#define PAGE_SIZE 4096u
#define STACK_RESERVE (1u << 20)
#define MARGIN 16384u /* between the frames that survive and the host stack */

struct guest_thread {
    struct plat_thread thread;
    DWORD id;
    HANDLE handle; /* for interrupts; NULL: there was none yet */
    struct plat_spare spare;
    CONDITION_VARIABLE wake; /* of the pool */
    uint32_t is_started;     /* constant: 1: by us, so it may be kept */
};

_Static_assert(offsetof(struct guest_thread, thread) == 0, "a block is its guest_thread");

struct plat_worker {
    HANDLE thread;
    void (*run)(void *arg);
    void *arg;
};

struct plat_semaphore {
    HANDLE handle;
};

static struct guest_thread *guest_thread_new(void)
{
    uint64_t xsave = (sizeof(struct guest_thread) + 63) & ~63ull;
    char *mapping = VirtualAlloc(NULL, xsave + plat_xsave_size() + PLAT_XSAVE_ROOM,
                                 MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    if (!mapping)
        return NULL;
    struct guest_thread *g = (struct guest_thread *)mapping;
    g->thread.xsave = mapping + xsave;
    return g;
}

/* Touch the pages below, one by one, as the guard page wants it. */
static void commit_stack(uint64_t from, uint64_t size)
{
    for (uint64_t at = 0; at < size; at += PAGE_SIZE)
        (void)*(volatile char *)(uintptr_t)(from - at);
}

/* Make the calling thread the guest thread of `g`. */
static __attribute__((noinline)) void attach(struct guest_thread *g)
{
    uint64_t here = (uint64_t)(uintptr_t)__builtin_frame_address(0);
    g->id = GetCurrentThreadId();
    g->thread.host_rsp = (here - MARGIN) & ~15ull;
    commit_stack(here, MARGIN + PLAT_HOST_STACK);
    plat_thread_init(&g->thread, g->thread.xsave);
}

int plat_host_thread_adopt(struct plat_thread **out)
{
    *out = NULL;
    struct guest_thread *g = guest_thread_new();
    if (!g)
        return -LX_ENOMEM;
    attach(g);
    *out = &g->thread;
    return 0;
}

static SRWLOCK *pool_lock(void)
{
    static SRWLOCK lock = SRWLOCK_INIT;
    return &lock;
}

void plat_host_pool_lock(void)
{
    AcquireSRWLockExclusive(pool_lock());
}

void plat_host_pool_unlock(void)
{
    ReleaseSRWLockExclusive(pool_lock());
}

static struct guest_thread *thread_of(struct plat_spare *s)
{
    return CONTAINING_RECORD(s, struct guest_thread, spare);
}

void plat_host_pool_sleep(struct plat_spare *s)
{
    SleepConditionVariableSRW(&thread_of(s)->wake, pool_lock(), INFINITE, 0);
}

void plat_host_pool_wake(struct plat_spare *s)
{
    WakeConditionVariable(&thread_of(s)->wake);
}

static NORETURN void end(struct guest_thread *g)
{
    if (g->handle)
        CloseHandle(g->handle);
    TlsSetValue(PLAT_GS_FIRST_SLOT + 1, NULL); /* PLAT_GS_THREAD */
    VirtualFree(g, 0, MEM_RELEASE);
    ExitThread(0);
}

static NORETURN void run_next(struct guest_thread *g)
{
    if (plat_pool_keep(&g->thread, &g->spare))
        g->spare.start(g->spare.arg, &g->thread);
    end(g);
}

static DWORD WINAPI guest_thread_main(void *arg)
{
    struct guest_thread *g = arg;
    attach(g);
    g->spare.start(g->spare.arg, &g->thread);
    return 0;
}

int plat_host_thread_start(void (*start)(void *arg, struct plat_thread *t), void *arg)
{
    if (plat_pool_start(start, arg))
        return 0;
    struct guest_thread *g = guest_thread_new();
    if (!g)
        return -LX_EAGAIN;
    g->is_started = 1;
    g->spare = (struct plat_spare){.start = start, .arg = arg};
    HANDLE thread = CreateThread(NULL, STACK_RESERVE, guest_thread_main, g,
                                 STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
    if (!thread) {
        VirtualFree(g, 0, MEM_RELEASE);
        return -LX_EAGAIN;
    }
    CloseHandle(thread);
    return 0;
}

HANDLE windows_thread_handle(struct plat_thread *t)
{
    struct guest_thread *g = (struct guest_thread *)t;
    if (!g->handle)
        g->handle = OpenThread(THREAD_SUSPEND_RESUME | THREAD_GET_CONTEXT | THREAD_SET_CONTEXT,
                               FALSE, g->id);
    return g->handle;
}

/* A kept thread goes on from the top of its host stack, however deep it was. */
void plat_host_thread_exit(void)
{
    struct guest_thread *g = (struct guest_thread *)plat_thread_self();
    if (!g->is_started)
        end(g);
    __asm__ volatile("movq %0, %%rsp\n\t"
                     "subq $32, %%rsp\n\t" /* for the callee, by its convention */
                     "call *%1"
                     :
                     : "r"(g->thread.host_rsp), "r"(run_next), "c"(g)
                     : "memory");
    __builtin_unreachable();
}

static DWORD WINAPI worker_main(void *arg)
{
    struct plat_worker *w = arg;
    w->run(w->arg);
    return 0;
}

int plat_host_worker_start(void (*run)(void *arg), void *arg, struct plat_worker **out)
{
    *out = NULL;
    struct plat_worker *w = calloc(1, sizeof *w);
    if (!w)
        return -LX_ENOMEM;
    w->run = run;
    w->arg = arg;
    w->thread =
        CreateThread(NULL, STACK_RESERVE, worker_main, w, STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
    if (!w->thread) {
        free(w);
        return -LX_EAGAIN;
    }
    *out = w;
    return 0;
}

void plat_host_worker_join(struct plat_worker *w)
{
    WaitForSingleObject(w->thread, INFINITE);
    CloseHandle(w->thread);
    free(w);
}

int plat_host_semaphore_new(uint32_t count, struct plat_semaphore **out)
{
    *out = NULL;
    struct plat_semaphore *s = malloc(sizeof *s);
    if (!s)
        return -LX_ENOMEM;
    s->handle = CreateSemaphoreW(NULL, (LONG)count, INT32_MAX, NULL);
    if (!s->handle) {
        int err = windows_error();
        free(s);
        return err;
    }
    *out = s;
    return 0;
}

void plat_host_semaphore_wait(struct plat_semaphore *s)
{
    WaitForSingleObject(s->handle, INFINITE);
}

void plat_host_semaphore_post(struct plat_semaphore *s)
{
    ReleaseSemaphore(s->handle, 1, NULL);
}

void plat_host_semaphore_free(struct plat_semaphore *s)
{
    if (!s)
        return;
    CloseHandle(s->handle);
    free(s);
}
