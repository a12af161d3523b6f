/* SPDX-License-Identifier: MIT */
/*
 * Host threads that have run a guest thread and wait for another, with their stack and
 * block: that saves most of what a thread costs.
 */

#include "host.h"

struct pool { /* guarded by its lock, the host's */
    struct plat_spare *kept;
    uint32_t count;
};

static struct pool *pool(void)
{
    static struct pool p;
    return &p;
}

int plat_pool_keep(struct plat_thread *t, struct plat_spare *s)
{
    struct pool *p = pool();
    if (t->is_bound)
        plat_host_cpu_bind(NULL, 0);
    plat_thread_renew(t);
    plat_host_pool_lock();
    int kept = p->count < PLAT_THREADS_KEPT;
    if (kept) {
        s->start = NULL;
        s->next = p->kept;
        p->kept = s;
        p->count++;
        while (!s->start)
            plat_host_pool_sleep(s);
    }
    plat_host_pool_unlock();
    return kept;
}

int plat_pool_start(void (*start)(void *arg, struct plat_thread *t), void *arg)
{
    struct pool *p = pool();
    plat_host_pool_lock();
    struct plat_spare *s = p->kept;
    if (s) {
        p->kept = s->next;
        p->count--;
        s->start = start;
        s->arg = arg;
        plat_host_pool_wake(s); /* under the lock: later, it may have ended */
    }
    plat_host_pool_unlock();
    return s != NULL;
}
