/* SPDX-License-Identifier: MIT */
/*
 * wait_signal take|ignore|default: say "ready" and wait for a signal.  One that is taken is
 * printed and ends the program with exit code 40 and its number.
 */

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void take(int number)
{
    char text[32];
    int length = snprintf(text, sizeof text, "signal %d\n", number);
    if (write(1, text, (size_t)length) != length)
        _exit(1);
    _exit(40 + number);
}

int main(int argc, char **argv)
{
    static const int numbers[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    const char *how = argc > 1 ? argv[1] : "take";
    void (*handler)(int) = !strcmp(how, "take") ? take : !strcmp(how, "ignore") ? SIG_IGN : SIG_DFL;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        signal(numbers[i], handler);
    if (write(1, "ready\n", 6) != 6)
        return 1;
    for (;;)
        pause();
}
