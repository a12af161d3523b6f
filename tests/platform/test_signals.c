/* SPDX-License-Identifier: MIT */
/* The user's signals on Linux: each signal mask and action here is the process's own. */

#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "test.h"

static _Atomic int g_last; /* signal */
static struct plat_semaphore *g_came;

static void note(int number, void *arg)
{
    assert_ptr_equal(arg, &g_last);
    atomic_store(&g_last, number);
    plat_semaphore_post(g_came);
}

static void signals_come_by_their_linux_number(void **state)
{
    (void)state;
    static const int rows[][2] = {{SIGINT, 2}, {SIGTERM, 15}, {SIGQUIT, 3}, {SIGUSR1, 10}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        kill(getpid(), rows[i][0]);
        plat_semaphore_wait(g_came);
        assert_int_equal(atomic_load(&g_last), rows[i][1]);
    }
}

static void ignored_signals_stay_ignored(void **state)
{
    (void)state;
    kill(getpid(), SIGHUP);
    kill(getpid(), SIGINT);
    plat_semaphore_wait(g_came);
    assert_int_equal(atomic_load(&g_last), SIGINT);
}

static int watch(void **state)
{
    (void)state;
    signal(SIGHUP, SIG_IGN); /* as nohup(1) does */
    if (plat_semaphore_new(0, &g_came) < 0)
        return -1;
    return plat_signals_watch(note, &g_last);
}

int main(int argc, char **argv)
{
    start_or_exit(&argc, &argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signals_come_by_their_linux_number),
        cmocka_unit_test(ignored_signals_stay_ignored),
    };
    return cmocka_run_group_tests(tests, watch, NULL);
}
