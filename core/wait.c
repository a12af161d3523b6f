/* SPDX-License-Identifier: MIT */
/* Sleepers and wait queues in the arena. */

#include "core/wait.h"

#include <stdatomic.h>

#include "core/arena.h"
#include "lx/errno.h"
#include "plat/plat.h"

#define SPIN_MIN 40000u  /* ticks of the time-stamp counter: 10 to 20 us */
#define SPIN_MAX 600000u /* 150 to 300 us */
#define SPIN_HALVINGS 6u /* each spin in vain halves the next one */
#define SPIN_AGAIN 32u   /* but one sleep of so many tries the full length */
#define WAKE_WEIGHT 16u  /* of one wake in what wakes have taken lately: a part of so many */

static void count_in(struct core_sleeper *s)
{
    if (s->is_guest && !atomic_exchange(&s->running, 1))
        atomic_fetch_add_explicit(&core_arena_load()->running, 1, memory_order_relaxed);
}

static void count_out(struct core_sleeper *s)
{
    if (atomic_exchange(&s->running, 0))
        atomic_fetch_sub_explicit(&core_arena_load()->running, 1, memory_order_relaxed);
}

uint32_t core_sleepers_running(void)
{
    return atomic_load_explicit(&core_arena_load()->running, memory_order_relaxed);
}

void core_sleeper_init(struct core_sleeper *s, uint32_t slot, int is_guest)
{
    s->word = PLAT_PARK_EMPTY;
    s->slot = slot;
    s->is_guest = (uint32_t)is_guest;
    s->interrupt = 0;
    s->waiter.queue = NULL;
    s->running = 0;
    s->spins_failed = s->sleeps = 0;
    s->woken_at = 0;
    count_in(s);
}

void core_sleeper_fini(struct core_sleeper *s)
{
    count_out(s);
}

/*
 * Whether a wake may come at once: somebody else runs, and nobody waits for the
 * processor that we keep busy.
 */
static int may_spin(const struct core_arena_load *load, const struct core_sleeper *s)
{
    uint32_t running = atomic_load_explicit(&load->running, memory_order_relaxed);
    uint32_t others = running - s->is_guest;
    return others >= 1 && others < load->processors;
}

/*
 * The host has woken a thread: how long did that take?  What took longer than a spin may be
 * counts as that: the thread had to wait for a processor.
 */
static void note_wake(struct core_sleeper *s)
{
    struct core_arena_load *load = core_arena_load();
    uint64_t took =
        __builtin_ia32_rdtsc() - atomic_load_explicit(&s->woken_at, memory_order_relaxed);
    uint32_t lately = atomic_load_explicit(&load->wake_ticks, memory_order_relaxed);
    lately -= lately / WAKE_WEIGHT;
    lately += (uint32_t)(took < SPIN_MAX ? took : SPIN_MAX) / WAKE_WEIGHT;
    atomic_store_explicit(&load->wake_ticks, lately, memory_order_relaxed);
}

/*
 * As long as it takes to wake another thread, which then wakes us: two that take turns need no
 * more than one wake of the host's, and find each other awake from then on.
 */
static uint64_t spin_ticks(const struct core_arena_load *load)
{
    uint64_t ticks = 2ull * atomic_load_explicit(&load->wake_ticks, memory_order_relaxed);
    return ticks < SPIN_MIN ? SPIN_MIN : ticks < SPIN_MAX ? ticks : SPIN_MAX;
}

/*
 * Look for a wake for as long as calls of the host would take.  How long depends
 * on whether that helped lately; it never goes on once other threads want to run.
 */
static void spin(struct core_sleeper *s)
{
    const struct core_arena_load *load = core_arena_load();
    uint32_t halvings = s->sleeps++ % SPIN_AGAIN ? s->spins_failed : 0;
    uint64_t begin = __builtin_ia32_rdtsc(), ticks = spin_ticks(load) >> halvings;
    while (may_spin(load, s)) {
        if (atomic_load_explicit(&s->word, memory_order_relaxed) != PLAT_PARK_EMPTY) {
            s->spins_failed = 0;
            return;
        }
        if (__builtin_ia32_rdtsc() - begin > ticks) {
            s->spins_failed += s->spins_failed < SPIN_HALVINGS;
            return;
        }
        __builtin_ia32_pause();
    }
}

/*
 * The word: a waker leaves a token; a sleeper takes it, or says that it sleeps
 * so that the next waker calls the host.
 */
int core_sleep(struct core_sleeper *s, uint32_t streams, int64_t deadline_ns)
{
    if (atomic_load(&s->interrupt))
        return -LX_EINTR;
    if (!streams && deadline_ns == PLAT_FOREVER) /* else no guest, or nobody, may wake it */
        spin(s);
    uint32_t expected = PLAT_PARK_EMPTY;
    int err = 0, slept = atomic_compare_exchange_strong(&s->word, &expected, PLAT_PARK_SLEEPING);
    if (slept) {
        count_out(s);
        err = plat_thread_sleep(s->slot, &s->word, streams, deadline_ns);
        count_in(s);
    }
    uint32_t was = atomic_exchange(&s->word, PLAT_PARK_EMPTY);
    if (slept && was == PLAT_PARK_TOKEN)
        note_wake(s);
    if (atomic_load(&s->interrupt))
        return -LX_EINTR;
    return was == PLAT_PARK_TOKEN ? 0 : err;
}

/* 1 if the thread sleeps, and the host has to be told. */
static int leave_token(struct core_sleeper *s)
{
    atomic_store_explicit(&s->woken_at, __builtin_ia32_rdtsc(), memory_order_relaxed);
    if (atomic_exchange(&s->word, PLAT_PARK_TOKEN) != PLAT_PARK_SLEEPING)
        return 0;
    count_in(s); /* it wants to run from now on */
    return 1;
}

int core_sleeper_wake(struct core_sleeper *s)
{
    if (!leave_token(s))
        return 0;
    plat_thread_wake(s->slot, &s->word);
    return 1;
}

void core_sleeper_rouse(struct core_sleeper *s)
{
    leave_token(s);
    plat_thread_wake(s->slot, &s->word);
}

int core_sleeper_wake_later(struct core_sleeper *s, struct core_wakes *wakes)
{
    if (!leave_token(s))
        return 0;
    if (wakes->count == CORE_WAKES_MAX)
        core_wakes_send(wakes);
    wakes->items[wakes->count].slot = s->slot;
    wakes->items[wakes->count++].word = &s->word;
    return 1;
}

/* Whoever has the slot or the word by now is woken for nothing. */
void core_wakes_send(struct core_wakes *wakes)
{
    for (uint32_t i = 0; i < wakes->count; i++)
        plat_thread_wake(wakes->items[i].slot, wakes->items[i].word);
    wakes->count = 0;
}

int core_sleeper_is_asleep(const struct core_sleeper *s)
{
    return atomic_load(&s->word) == PLAT_PARK_SLEEPING;
}

int core_sleeper_interrupt_later(struct core_sleeper *s, struct core_wakes *wakes)
{
    atomic_store(&s->interrupt, 1);
    return core_sleeper_wake_later(s, wakes);
}

void core_waitq_init(struct core_waitq *q)
{
    core_lock_init(&q->lock, CORE_LOCK_WAITQ);
    core_list_init(&q->waiters);
}

static void add(struct core_waitq *q, struct core_waiter *w)
{
    w->queue = q;
    atomic_store_explicit(&w->woken, 0, memory_order_relaxed);
    core_lock_acquire(&q->lock);
    core_list_add(&q->waiters, &w->node);
    core_lock_release(&q->lock);
}

static void add_sleeper(struct core_waitq *q, struct core_waiter *w, struct core_sleeper *s,
                        uint32_t events, int exclusive)
{
    w->sleeper = s;
    w->forward = NULL;
    w->events = events;
    w->exclusive = exclusive;
    add(q, w);
}

void core_waitq_add(struct core_waitq *q, struct core_waiter *w, struct core_sleeper *s,
                    uint32_t events)
{
    add_sleeper(q, w, s, events, 0);
}

void core_waitq_add_exclusive(struct core_waitq *q, struct core_waiter *w, struct core_sleeper *s,
                              uint32_t events)
{
    add_sleeper(q, w, s, events, 1);
}

/* What comes from now on wakes it again; what came before, it is about to see. */
void core_waiter_look(struct core_waiter *w)
{
    atomic_store(&w->woken, 0);
}

void core_waitq_forward(struct core_waitq *q, struct core_waiter *w, struct core_waitq *to)
{
    w->sleeper = NULL;
    w->forward = to;
    w->events = ~0u;
    w->exclusive = 0;
    add(q, w);
}

void core_waitq_remove(struct core_waiter *w)
{
    struct core_waitq *q = w->queue;
    if (!q)
        return;
    core_lock_acquire(&q->lock);
    core_list_remove(&w->node);
    core_lock_release(&q->lock);
    w->queue = NULL;
}

static void wake_waiter(struct core_waiter *w, uint32_t events, struct core_wakes *wakes)
{
    atomic_fetch_or(&w->woken, w->events & events);
    if (w->forward) /* a lock of the same rank: there are no circles */
        core_waitq_wake_later(w->forward, ~0u, UINT32_MAX, wakes);
    else
        core_sleeper_wake_later(w->sleeper, wakes);
}

uint32_t core_waitq_wake_later(struct core_waitq *q, uint32_t events, uint32_t count,
                               struct core_wakes *wakes)
{
    uint32_t woken = 0;
    core_lock_acquire(&q->lock);
    CORE_LIST_FOR_EACH(node, &q->waiters)
    {
        struct core_waiter *w = CORE_LIST_ENTRY(node, struct core_waiter, node);
        if (woken == count)
            break;
        if (!(w->events & events))
            continue;
        wake_waiter(w, events, wakes);
        woken++;
    }
    core_lock_release(&q->lock);
    return woken;
}

uint32_t core_waitq_wake(struct core_waitq *q, uint32_t events, uint32_t count)
{
    struct core_wakes wakes = {.count = 0};
    uint32_t woken = core_waitq_wake_later(q, events, count, &wakes);
    core_wakes_send(&wakes);
    return woken;
}

void core_waitq_wake_some(struct core_waitq *q, uint32_t events, uint32_t count)
{
    struct core_wakes wakes = {.count = 0};
    core_lock_acquire(&q->lock);
    CORE_LIST_FOR_EACH(node, &q->waiters)
    {
        struct core_waiter *w = CORE_LIST_ENTRY(node, struct core_waiter, node);
        if (!(w->events & events))
            continue;
        if (w->exclusive) {
            if (!count || atomic_load(&w->woken)) /* woken: it is going to look */
                continue;
            count--;
        }
        wake_waiter(w, events, &wakes);
    }
    core_lock_release(&q->lock);
    core_wakes_send(&wakes);
}
