/* SPDX-License-Identifier: MIT */
/* The user's signals to the launcher, by sigwait(3). */

#include <pthread.h>
#include <stdlib.h>

#include "internal.h"
#include "lx/errno.h"

struct watch {
    sigset_t set;
    void (*handler)(int signal, void *arg);
    void *arg;
};

/* Those that are ignored stay so: nohup(1) and background jobs of scripts rely on it. */
static void choose_signals(sigset_t *out)
{
    static const int forwarded[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH};
    sigemptyset(out);
    for (size_t i = 0; i < sizeof forwarded / sizeof forwarded[0]; i++) {
        struct sigaction now;
        if (sigaction(forwarded[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
            sigaddset(out, forwarded[i]);
    }
}

static void watch(void *arg)
{
    struct watch *w = arg;
    g_linux.is_starting = 0;
    for (;;) {
        int signal;
        if (sigwait(&w->set, &signal) == 0)
            w->handler(signal, w->arg);
    }
}

/*
 * The signals are blocked in the caller, and in threads it starts from now on:
 * call it before other threads run.  Signal numbers are the guest's on this host.
 */
int plat_host_signals_watch(void (*handler)(int signal, void *arg), void *arg)
{
    struct watch *w = malloc(sizeof *w); /* lives as long as its thread: for ever */
    if (!w)
        return -LX_ENOMEM;
    choose_signals(&w->set);
    w->handler = handler;
    w->arg = arg;
    pthread_sigmask(SIG_BLOCK, &w->set, NULL);
    struct plat_worker *worker;
    g_linux.is_starting = 1;
    int err = plat_host_worker_start(watch, w, &worker);
    if (err) {
        g_linux.is_starting = 0;
        pthread_sigmask(SIG_UNBLOCK, &w->set, NULL);
        free(w);
    }
    return err;
}
