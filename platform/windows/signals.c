/* SPDX-License-Identifier: MIT */
/*
 * Ctrl-C, Ctrl-Break and the closing of the console.  Windows ends the process when
 * the handler of a close returns, so that one waits for the container to end.
 *
 * Source  SetConsoleCtrlHandler, HandlerRoutine.
 */

#include "internal.h"
#include "lx/errno.h"
#include "lx/signal.h"

#define CLOSE_WAIT_MS 5000

static struct {
    void (*handler)(int signal, void *arg);
    void *arg;
} g_watch; /* constant once set */

static BOOL WINAPI on_control(DWORD type)
{
    int signal = type == CTRL_C_EVENT       ? LX_SIGINT
                 : type == CTRL_BREAK_EVENT ? LX_SIGQUIT
                                            : LX_SIGHUP;
    g_watch.handler(signal, g_watch.arg);
    if (type != CTRL_C_EVENT && type != CTRL_BREAK_EVENT)
        Sleep(CLOSE_WAIT_MS);
    return TRUE;
}

static BOOL WINAPI ignore(DWORD type)
{
    (void)type;
    return TRUE;
}

/* A guest host shares the console: its launcher tells it what the user wants. */
void windows_signals_ignore(void)
{
    SetConsoleCtrlHandler(ignore, TRUE);
}

int plat_host_signals_watch(void (*handler)(int signal, void *arg), void *arg)
{
    g_watch.handler = handler;
    g_watch.arg = arg;
    return SetConsoleCtrlHandler(on_control, TRUE) ? 0 : windows_error();
}
