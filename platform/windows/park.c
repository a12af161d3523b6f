/* SPDX-License-Identifier: MIT */
/*
 * Sleeping and waking: one named auto-reset event for each slot, opened by whoever
 * needs it.  A deadline is a high-resolution timer beside it, where Windows has
 * them (10, version 1803), else the wait's own, coarse one.
 *
 * Source  CreateEventW, CreateWaitableTimerExW, PeekNamedPipe, console input events,
 *         FlushProcessWriteBuffers, SetThreadGroupAffinity.
 */

#include "internal.h"
#include "lx/errno.h"

#ifndef CREATE_WAITABLE_TIMER_HIGH_RESOLUTION
#define CREATE_WAITABLE_TIMER_HIGH_RESOLUTION 0x2
#endif

#define POLL_FIRST_MS 1
#define POLL_LAST_MS 10
#define NS_PER_MS 1000000

static struct {
    HANDLE event; /* written once */
    HANDLE timer; /* used by the slot's thread */
} g_slots[WINDOWS_SLOT_COUNT];

static HANDLE event_of(uint32_t slot)
{
    if (slot >= WINDOWS_SLOT_COUNT)
        return NULL;
    HANDLE event = g_slots[slot].event;
    if (event)
        return event;
    wchar_t name[96];
    windows_object_name(name, L'e', slot);
    event = CreateEventW(NULL, FALSE, FALSE, name);
    if (!event)
        return NULL;
    HANDLE before = InterlockedCompareExchangePointer(&g_slots[slot].event, event, NULL);
    if (!before)
        return event;
    CloseHandle(event);
    return before;
}

HANDLE windows_timer_new(int *is_fine)
{
    HANDLE timer =
        CreateWaitableTimerExW(NULL, NULL, CREATE_WAITABLE_TIMER_HIGH_RESOLUTION, TIMER_ALL_ACCESS);
    *is_fine = timer != NULL;
    return timer ? timer : CreateWaitableTimerExW(NULL, NULL, 0, TIMER_ALL_ACCESS);
}

static HANDLE timer_of(uint32_t slot)
{
    int is_fine;
    if (!g_slots[slot].timer)
        g_slots[slot].timer = windows_timer_new(&is_fine);
    return g_slots[slot].timer;
}

/* ns until the deadline; 0: it has passed. */
static int64_t left_ns(int64_t deadline_ns)
{
    int64_t left = deadline_ns - (int64_t)plat_host_clock_now(PLAT_CLOCK_MONOTONIC);
    return left > 0 ? left : 0;
}

/* What can be waited for, and for how long: the event, a timer, a console. */
struct wait {
    HANDLE handles[3];
    DWORD count;
    DWORD poll_ms; /* then look at the streams again; INFINITE: no need */
};

/* Pipes cannot be waited for, only looked at again and again. */
static void add_streams(struct wait *w, uint32_t streams)
{
    struct plat_stream_info info;
    for (uint32_t n = 0; n < 3; n++) {
        if (!(streams & 1u << 2 * n) || plat_host_stream_info(n, &info) < 0)
            continue;
        if (info.kind == PLAT_STREAM_CONSOLE && n == 0)
            w->handles[w->count++] = GetStdHandle(STD_INPUT_HANDLE);
        else
            w->poll_ms = POLL_FIRST_MS;
    }
}

/*
 * Wait once, at most `left` ns.  The timer is set anew each time: it may fire a little
 * before the performance counter says so, and fires only once.
 */
static DWORD wait_once(struct wait w, HANDLE timer, int64_t left)
{
    DWORD ms = w.poll_ms;
    LARGE_INTEGER due = {.QuadPart = -((left + 99) / 100)}; /* relative, in 100 ns */
    if (timer && SetWaitableTimer(timer, &due, 0, NULL, NULL, FALSE))
        w.handles[w.count++] = timer;
    else if (left < (int64_t)ms * NS_PER_MS)
        ms = (DWORD)((left + NS_PER_MS - 1) / NS_PER_MS);
    return WaitForMultipleObjects(w.count, w.handles, FALSE, ms);
}

int plat_host_thread_sleep(uint32_t slot, _Atomic uint32_t *word, uint32_t streams,
                           int64_t deadline_ns)
{
    struct wait w = {.handles = {event_of(slot)}, .count = 1, .poll_ms = INFINITE};
    if (!w.handles[0])
        return -LX_ENOMEM;
    HANDLE timer = deadline_ns == PLAT_FOREVER ? NULL : timer_of(slot);
    add_streams(&w, streams);
    while (*word == PLAT_PARK_SLEEPING) {
        if (plat_host_stream_ready(streams))
            return 0;
        int64_t left = left_ns(deadline_ns);
        if (!left)
            return -LX_ETIMEDOUT;
        DWORD woken = wait_once(w, timer, left);
        if (woken == WAIT_FAILED)
            return windows_error();
        /* An event may be the rest of an earlier wake: the word says. */
        if (woken != WAIT_OBJECT_0 && w.poll_ms < POLL_LAST_MS)
            w.poll_ms++;
    }
    return 0;
}

void plat_host_thread_wake(uint32_t slot, _Atomic uint32_t *word)
{
    (void)word;
    HANDLE event = event_of(slot);
    if (event)
        SetEvent(event);
}

void plat_host_thread_yield(uint64_t ns)
{
    int is_fine;
    HANDLE timer = ns ? windows_timer_new(&is_fine) : NULL;
    LARGE_INTEGER due = {.QuadPart = -(int64_t)((ns + 99) / 100)}; /* relative, in 100 ns */
    if (timer && SetWaitableTimer(timer, &due, 0, NULL, NULL, FALSE))
        WaitForSingleObject(timer, INFINITE);
    else
        SwitchToThread();
    if (timer)
        CloseHandle(timer);
}

/* The processors of this process, if they are in one group; 0: they are in several. */
static uint64_t affinity(void)
{
    DWORD_PTR process = 0, machine = 0;
    GetProcessAffinityMask(GetCurrentProcess(), &process, &machine);
    return GetActiveProcessorGroupCount() == 1 ? process : 0;
}

uint32_t plat_host_cpu_count(void)
{
    uint64_t mask = affinity();
    return mask ? (uint32_t)__builtin_popcountll(mask)
                : GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);
}

/* Counted among those allowed, so that it is below plat_cpu_count(). */
uint32_t plat_host_cpu_current(void)
{
    PROCESSOR_NUMBER current;
    uint64_t mask = affinity();
    GetCurrentProcessorNumberEx(&current);
    if (mask)
        return (uint32_t)__builtin_popcountll(mask & ((1ull << current.Number) - 1));
    uint32_t before = 0;
    for (WORD group = 0; group < current.Group; group++)
        before += GetActiveProcessorCount(group);
    return before + current.Number;
}

/* Only within one group of processors: threads keep the group they have. */
void plat_host_cpu_bind(const uint64_t *set, uint32_t words)
{
    uint64_t has = affinity(), wanted = 0;
    uint32_t rank = 0;
    for (uint32_t cpu = 0; cpu < 64; cpu++) {
        if (!(has >> cpu & 1))
            continue;
        if (!words || set[0] >> rank & 1)
            wanted |= 1ull << cpu;
        rank++;
    }
    struct plat_thread *t = g_windows.is_guest ? plat_thread_self() : NULL;
    if (wanted && SetThreadAffinityMask(GetCurrentThread(), (DWORD_PTR)wanted) && t)
        t->is_bound = words != 0;
}

/*
 * Run on every processor once: whatever ran there was interrupted, and with that went through a
 * barrier.  Processors that we may not use run none of our threads.
 */
static void visit_processors(void)
{
    GROUP_AFFINITY before, there = {0};
    if (!GetThreadGroupAffinity(GetCurrentThread(), &before))
        return;
    WORD groups = GetActiveProcessorGroupCount();
    for (there.Group = 0; there.Group < groups; there.Group++) {
        DWORD count = GetActiveProcessorCount(there.Group);
        for (DWORD cpu = 0; cpu < count; cpu++) {
            there.Mask = (KAFFINITY)1 << cpu;
            SetThreadGroupAffinity(GetCurrentThread(), &there, NULL);
        }
    }
    SetThreadGroupAffinity(GetCurrentThread(), &before, NULL);
}

/*
 * FlushProcessWriteBuffers() interrupts the processors that run threads of this process, which
 * serializes their instructions, too.  For other processes Windows has nothing of the kind.
 */
int plat_host_barrier(int everywhere)
{
    FlushProcessWriteBuffers();
    if (everywhere)
        visit_processors();
    return 0;
}
