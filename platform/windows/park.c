/* SPDX-License-Identifier: MIT */
/*
 * Sleeping and waking: one named auto-reset event for each slot, opened by whoever
 * needs it.  A deadline is a high-resolution timer beside it, where Windows has
 * them (10, version 1803), else the wait's own, coarse one.
 *
 * Source  CreateEventW, CreateWaitableTimerExW, PeekNamedPipe, console input events.
 */

#include "internal.h"
#include "lx/errno.h"

#ifndef CREATE_WAITABLE_TIMER_HIGH_RESOLUTION
#define CREATE_WAITABLE_TIMER_HIGH_RESOLUTION 0x2
#endif

#define POLL_FIRST_MS 1
#define POLL_LAST_MS 10

static HANDLE g_events[WINDOWS_SLOT_COUNT]; /* by slot; written once each */
static HANDLE g_timers[WINDOWS_SLOT_COUNT]; /* by slot; used by the slot's thread */

static HANDLE event_of(uint32_t slot)
{
    if (slot >= WINDOWS_SLOT_COUNT)
        return NULL;
    HANDLE event = g_events[slot];
    if (event)
        return event;
    wchar_t name[96];
    windows_object_name(name, L'e', slot);
    event = CreateEventW(NULL, FALSE, FALSE, name);
    if (!event)
        return NULL;
    HANDLE before = InterlockedCompareExchangePointer(&g_events[slot], event, NULL);
    if (!before)
        return event;
    CloseHandle(event);
    return before;
}

static HANDLE timer_of(uint32_t slot)
{
    if (!g_timers[slot])
        g_timers[slot] = CreateWaitableTimerExW(NULL, NULL, CREATE_WAITABLE_TIMER_HIGH_RESOLUTION,
                                                TIMER_ALL_ACCESS);
    if (!g_timers[slot])
        g_timers[slot] = CreateWaitableTimerExW(NULL, NULL, 0, TIMER_ALL_ACCESS);
    return g_timers[slot];
}

/* ns until the deadline; 0: it has passed. */
static int64_t left_ns(int64_t deadline_ns)
{
    int64_t left = deadline_ns - (int64_t)plat_host_clock_now(PLAT_CLOCK_MONOTONIC);
    return left > 0 ? left : 0;
}

/* What can be waited for: the event, a timer, a console. */
struct wait {
    HANDLE handles[3];
    DWORD count;
};

static int add_deadline(struct wait *w, uint32_t slot, int64_t deadline_ns)
{
    if (deadline_ns == PLAT_FOREVER)
        return 0;
    HANDLE timer = timer_of(slot);
    LARGE_INTEGER due = {.QuadPart = -(left_ns(deadline_ns) + 99) / 100}; /* relative, in 100 ns */
    if (due.QuadPart == 0)
        return -LX_ETIMEDOUT;
    if (!timer || !SetWaitableTimer(timer, &due, 0, NULL, NULL, FALSE))
        return -LX_ENOMEM;
    w->handles[w->count++] = timer;
    return 0;
}

/* Streams that have to be looked at again and again: pipes, which cannot be waited for. */
static DWORD add_streams(struct wait *w, uint32_t streams)
{
    DWORD poll = INFINITE;
    struct plat_stream_info info;
    for (uint32_t n = 0; n < 3; n++) {
        if (!(streams & 1u << 2 * n) || plat_host_stream_info(n, &info) < 0)
            continue;
        if (info.kind == PLAT_STREAM_CONSOLE && w->count < 3)
            w->handles[w->count++] = GetStdHandle(STD_INPUT_HANDLE);
        else
            poll = POLL_FIRST_MS;
    }
    return poll;
}

int plat_host_thread_sleep(uint32_t slot, _Atomic uint32_t *word, uint32_t streams,
                           int64_t deadline_ns)
{
    struct wait w = {.handles = {event_of(slot)}, .count = 1};
    if (!w.handles[0])
        return -LX_ENOMEM;
    int err = add_deadline(&w, slot, deadline_ns);
    if (err < 0)
        return err;
    DWORD poll = streams ? add_streams(&w, streams) : INFINITE;
    while (*word == PLAT_PARK_SLEEPING) {
        if (streams && plat_host_stream_ready(streams))
            return 0;
        DWORD woken = WaitForMultipleObjects(w.count, w.handles, FALSE, poll);
        if (woken == WAIT_FAILED)
            return windows_error();
        if (deadline_ns != PLAT_FOREVER && !left_ns(deadline_ns))
            return *word == PLAT_PARK_SLEEPING ? -LX_ETIMEDOUT : 0;
        if (woken == WAIT_OBJECT_0)
            continue; /* or an old wake: the word says */
        if (poll != INFINITE && poll < POLL_LAST_MS)
            poll++;
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
