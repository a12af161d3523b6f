/* SPDX-License-Identifier: MIT */
/* A library that modules.c loads while it runs: thread-local data, an IFUNC, a constructor. */

#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

__thread int plugin_calls = 40;
static __thread char text[64];

__attribute__((constructor)) static void begin(void)
{
    puts("plugin begins");
    fflush(stdout);
}

__attribute__((destructor)) static void end(void)
{
    puts("plugin ends");
    fflush(stdout);
}

static int one(void)
{
    return 1;
}

#if defined(__GLIBC__)
static int (*choose(void))(void)
{
    return one;
}
int plugin_one(void) __attribute__((ifunc("choose")));
#else
int plugin_one(void)
{
    return one();
}
#endif

const char *plugin_count(void)
{
    plugin_calls += plugin_one();
    snprintf(text, sizeof text, "%d calls, %s", plugin_calls,
             (uintptr_t)text % 8 ? "odd" : "aligned");
    return text;
}
