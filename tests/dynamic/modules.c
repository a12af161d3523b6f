/* SPDX-License-Identifier: MIT */
/*
 * Libraries loaded while a program runs: by several threads, again and again, with thread-local
 * data of their own; symbols of the program and of the C library found in them.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef PLUGIN
#define PLUGIN "libplugin.so"
#endif

static __thread int own = 7;
static pthread_barrier_t all;

static void *use(void *arg)
{
    const char *(*count)(void) = (const char *(*)(void))(uintptr_t)arg;
    pthread_barrier_wait(&all);
    for (int i = 0; i < 1000; i++)
        count();
    own++;
    char *last = strdup(count());
    return own == 8 ? last : NULL;
}

static void by_threads(void *count)
{
    pthread_t threads[4];
    pthread_barrier_init(&all, NULL, 4);
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, use, count);
    for (int i = 0; i < 4; i++) {
        void *text;
        pthread_join(threads[i], &text);
        printf("thread: %s\n", text ? (char *)text : "wrong");
        free(text);
    }
}

int main(void)
{
    printf("%s\n", dlopen("libmissing.so", RTLD_NOW) ? "found" : "not found");
    for (int i = 0; i < 3; i++) {
        void *library = dlopen(PLUGIN, i ? RTLD_NOW : RTLD_LAZY);
        if (!library) {
            printf("%s\n", dlerror());
            return 1;
        }
        const char *(*count)(void) = (const char *(*)(void))dlsym(library, "plugin_count");
        int *calls = dlsym(library, "plugin_calls");
        printf("%s, %d\n", count(), *calls);
        printf("no such symbol: %d\n", dlsym(library, "no_such_symbol") == NULL);
        by_threads((void *)(uintptr_t)count);
        Dl_info info;
        if (dladdr((void *)(uintptr_t)count, &info))
            printf("%s in %s\n", info.dli_sname, info.dli_fname);
        fflush(stdout);
        dlclose(library);
    }
    puts(dlsym(NULL, "printf") ? "printf is there" : "no printf");
    return own;
}
