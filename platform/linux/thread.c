/* SPDX-License-Identifier: MIT */
/*
 * Host threads: those that carry a guest thread, and plain ones.
 *
 * A guest thread's host stack is the thread's own stack, from below the frames
 * that must survive.  Its block, %gs slots, XSAVE area and the stack of its
 * exception handler are one mapping.  GS base, which the C library does not use
 * on x86-64, points so that the slots' displacements fall into the block; on
 * threads without a guest, into zeros.
 *
 * A guest thread that ends leaves its host thread behind, with all this, for the
 * next one: thread_pool.c.
 *
 * Source  pthreads(7), sigaltstack(2), arch_prctl(2).
 */

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bases.h"
#include "internal.h"
#include "lx/errno.h"
#include "plat/slots.h"

#define PAGE_SIZE 4096u
#define HANDLER_STACK (64u << 10)
#if defined(TARBOX_SANITIZED)
#define EXTRA_STACK (2u << 20) /* instrumented frames are large, so are the runtime's */
#else
#define EXTRA_STACK (64u << 10) /* thread-locals and the C library's frames */
#endif

struct guest_thread {
    struct plat_thread thread;
    uint64_t slots[PLAT_GS_SLOT_COUNT];
    void *mapping;
    uint64_t mapping_size;
    pid_t id;
    _Atomic uint32_t interrupts; /* handled so far */
    stack_t handler_stack_before;
    jmp_buf *leave; /* ends the thread; NULL if it was adopted */
    struct plat_spare spare;
    pthread_cond_t wake; /* of the pool */
};

_Static_assert(offsetof(struct guest_thread, thread) == 0, "a block is its guest_thread");

struct plat_worker {
    pthread_t thread;
    void (*run)(void *arg);
    void *arg;
};

struct plat_semaphore {
    sem_t sem;
};

static void set_slots(const uint64_t *slots)
{
    uint64_t base = (uint64_t)(uintptr_t)slots - PLAT_GS_SLOT(PLAT_GS_FIRST_SLOT);
    linux_wrgsbase(base);
}

void linux_slots_none(void)
{
    static const uint64_t zeros[PLAT_GS_SLOT_COUNT];
    set_slots(zeros);
}

/* Threads that we did not make (a sanitizer's) have no GS base at all. */
struct plat_thread *linux_thread_self(void)
{
    return linux_rdgsbase() ? plat_thread_self() : NULL;
}

pid_t linux_thread_id(const struct plat_thread *t)
{
    return ((const struct guest_thread *)t)->id;
}

_Atomic uint32_t *linux_thread_interrupts(struct plat_thread *t)
{
    return &((struct guest_thread *)t)->interrupts;
}

void linux_guest_mask(sigset_t *out)
{
    static const int open[] = {SIGSEGV, SIGBUS,  SIGFPE,
                               SIGILL,  SIGTRAP, SIGTSTP,
                               SIGTTIN, SIGTTOU, LINUX_INTERRUPT_SIGNAL};
    sigfillset(out);
    for (size_t i = 0; i < sizeof open / sizeof open[0]; i++)
        sigdelset(out, open[i]);
}

static uint64_t round_up(uint64_t n, uint64_t to)
{
    return (n + to - 1) / to * to;
}

/* A guard page, the handler's stack, the block, the XSAVE area. */
static struct guest_thread *guest_thread_new(void)
{
    uint64_t handler = round_up(HANDLER_STACK + getauxval(AT_MINSIGSTKSZ), PAGE_SIZE);
    uint64_t block = PAGE_SIZE + handler;
    uint64_t xsave = block + round_up(sizeof(struct guest_thread), 64);
    uint64_t size = round_up(xsave + plat_xsave_size() + PLAT_XSAVE_ROOM, PAGE_SIZE);
    char *mapping = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED)
        return NULL;
    mprotect(mapping, PAGE_SIZE, PROT_NONE);
    struct guest_thread *g = (struct guest_thread *)(mapping + block);
    g->mapping = mapping;
    g->mapping_size = size;
    g->thread.xsave = mapping + xsave;
    return g;
}

static void guest_thread_free(struct guest_thread *g)
{
    munmap(g->mapping, g->mapping_size);
}

/*
 * Make the calling thread the guest thread of `g`.  Never inlined: the host stack
 * starts at this frame, and so below the caller's, which survives.
 */
static __attribute__((noinline)) void attach(struct guest_thread *g)
{
    sigset_t mask;
    linux_guest_mask(&mask);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);

    char *handler_stack = (char *)g->mapping + PAGE_SIZE;
    stack_t handler = {.ss_sp = handler_stack, .ss_size = (size_t)((char *)g - handler_stack)};
    sigaltstack(&handler, &g->handler_stack_before);

    g->id = gettid();
    g->thread.host_rsp = (uint64_t)(uintptr_t)__builtin_frame_address(0) & ~15ull;
    set_slots(g->slots);
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

static pthread_mutex_t *pool_lock(void)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    return &lock;
}

void plat_host_pool_lock(void)
{
    pthread_mutex_lock(pool_lock());
}

void plat_host_pool_unlock(void)
{
    pthread_mutex_unlock(pool_lock());
}

static struct guest_thread *thread_of(struct plat_spare *s)
{
    return (struct guest_thread *)((char *)s - offsetof(struct guest_thread, spare));
}

void plat_host_pool_sleep(struct plat_spare *s)
{
    pthread_cond_wait(&thread_of(s)->wake, pool_lock());
}

void plat_host_pool_wake(struct plat_spare *s)
{
    pthread_cond_signal(&thread_of(s)->wake);
}

static void *guest_thread_main(void *arg)
{
    struct guest_thread *g = arg;
    jmp_buf leave;
    g->leave = &leave;
    attach(g);
    do {
        if (setjmp(leave) == 0)
            g->spare.start(g->spare.arg, &g->thread);
    } while (plat_pool_keep(&g->thread, &g->spare));
    linux_slots_none();
    sigaltstack(&g->handler_stack_before, NULL);
    guest_thread_free(g);
    return NULL;
}

int plat_host_thread_start(void (*start)(void *arg, struct plat_thread *t), void *arg)
{
    if (plat_pool_start(start, arg))
        return 0;
    struct guest_thread *g = guest_thread_new();
    if (!g)
        return -LX_EAGAIN;
    pthread_cond_init(&g->wake, NULL);
    g->spare = (struct plat_spare){.start = start, .arg = arg};

    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, PLAT_HOST_STACK + EXTRA_STACK);
    pthread_t thread;
    int err = pthread_create(&thread, &attr, guest_thread_main, g);
    pthread_attr_destroy(&attr);
    if (err) {
        guest_thread_free(g);
        return -LX_EAGAIN;
    }
    return 0;
}

/*
 * A started thread returns to its first function.  The main thread must stay:
 * guest hosts that it spawned die with it, and /proc/self is its own.
 */
void plat_host_thread_exit(void)
{
    struct guest_thread *g = (struct guest_thread *)plat_thread_self();
    if (g->leave)
        longjmp(*g->leave, 1);
    linux_slots_none();
    sigaltstack(&g->handler_stack_before, NULL);
    guest_thread_free(g);
    if (gettid() != getpid())
        pthread_exit(NULL);
    for (;;)
        pause();
}

static void *worker_main(void *arg)
{
    struct plat_worker *w = arg;
    linux_slots_none(); /* a new thread has its creator's GS base */
    w->run(w->arg);
    return NULL;
}

int plat_host_worker_start(void (*run)(void *arg), void *arg, struct plat_worker **out)
{
    *out = NULL;
    struct plat_worker *w = calloc(1, sizeof *w);
    if (!w)
        return -LX_ENOMEM;
    w->run = run;
    w->arg = arg;
    if (pthread_create(&w->thread, NULL, worker_main, w) != 0) {
        free(w);
        return -LX_EAGAIN;
    }
    *out = w;
    return 0;
}

void plat_host_worker_join(struct plat_worker *w)
{
    pthread_join(w->thread, NULL);
    free(w);
}

int plat_host_semaphore_new(uint32_t count, struct plat_semaphore **out)
{
    *out = NULL;
    struct plat_semaphore *s = calloc(1, sizeof *s);
    if (!s)
        return -LX_ENOMEM;
    if (sem_init(&s->sem, 0, count) < 0) {
        free(s);
        return linux_error();
    }
    *out = s;
    return 0;
}

void plat_host_semaphore_wait(struct plat_semaphore *s)
{
    while (sem_wait(&s->sem) < 0 && errno == EINTR)
        ;
}

void plat_host_semaphore_post(struct plat_semaphore *s)
{
    sem_post(&s->sem);
}

void plat_host_semaphore_free(struct plat_semaphore *s)
{
    if (!s)
        return;
    sem_destroy(&s->sem);
    free(s);
}
