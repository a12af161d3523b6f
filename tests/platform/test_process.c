/* SPDX-License-Identifier: MIT */
/*
 * Guest hosts: this program starts itself again.  What a guest host finds wrong
 * it says by its exit code.
 */

#include <stdatomic.h>

#include "arena.h"
#include "lx/errno.h"

#define ROLE_CHECK "--check"
#define ROLE_SLEEP "--sleep"
#define ROLE_CRASH "--crash"

#define FINE 7

struct shared {
    _Atomic uint32_t parent_word, child_word;
    uint32_t number, answer, keeper;
    uintptr_t bad_address;
};

static struct shared *shared(void)
{
    return (struct shared *)CORE_ARENA_BASE;
}

static int check_inherited_file(void)
{
    struct plat_file *f;
    char text[8] = "";
    if (plat_file_inherited(0, &f) < 0)
        return 20;
    if (plat_file_pread(f, text, 5, 0) != 5 || strcmp(text, "given") != 0)
        return 21;
    plat_file_close(f);
    if (plat_file_inherited(1, &f) >= 0)
        return 22;
    return FINE;
}

static int check_low_range(void)
{
    char *low = (char *)CORE_LOW_BASE;
    if (plat_mem_reserve(CORE_LOW_BASE, GRANULE) != -LX_EEXIST)
        return 30;
    if (plat_mem_commit(CORE_LOW_BASE, PAGE, PLAT_READ | PLAT_WRITE) < 0)
        return 31;
    *low = 'x';
    return FINE;
}

static int check(const char *role)
{
    if (plat_arena_attach(CORE_ARENA_BASE, CORE_ARENA_SIZE) < 0)
        return 10;
    struct shared *s = shared();
    if (s->number != 12345)
        return 11;
    if (strcmp(role, ROLE_SLEEP) == 0) {
        for (;;)
            plat_thread_yield(SECOND_NS);
    }
    if (strcmp(role, ROLE_CRASH) == 0)
        *(volatile uint32_t *)s->bad_address = 1;
    int code = check_inherited_file();
    if (code == FINE)
        code = check_low_range();
    if (code != FINE)
        return code;
    void *view;
    if (plat_segment_map(3, s->keeper, &view) < 0 || strcmp(view, "segment") != 0)
        return 40;
    if (plat_segment_map(4, s->keeper, &view) < 0 || plat_segment_commit(4, view, PAGE) < 0)
        return 41;
    memcpy(view, "left", sizeof "left");

    s->answer = s->number + 1;
    if (atomic_exchange(&s->parent_word, PLAT_PARK_TOKEN) == PLAT_PARK_SLEEPING)
        plat_thread_wake(1, &s->parent_word);
    return FINE;
}

static void guest_host(const char *role)
{
    plat_exit(check(role));
}

static int set_up(void **state)
{
    (void)state;
    if (make_arena() < 0)
        return -1;
    shared()->number = 12345;
    return 0;
}

static void a_guest_host_shares_arena_segments_and_files(void **state)
{
    (void)state;
    struct shared *s = shared();
    void *view;
    s->keeper = plat_process_id();
    assert_int_equal(plat_segment_map(3, s->keeper, &view), 0);
    assert_int_equal(plat_segment_commit(3, view, PAGE), 0);
    memcpy(view, "segment", sizeof "segment");
    struct plat_file *f;
    assert_int_equal(plat_file_temporary(&f), 0);
    assert_int_equal(plat_file_pwrite(f, "given", 5, 0), 5);

    atomic_store(&s->parent_word, PLAT_PARK_SLEEPING);
    struct plat_process *p;
    assert_int_equal(plat_process_spawn(guest_host, ROLE_CHECK, &f, 1, &p), 0);
    int64_t deadline = deadline_in(20 * SECOND_NS);
    int err = 0;
    while (!err && atomic_load(&s->parent_word) == PLAT_PARK_SLEEPING && s->answer == 0)
        err = plat_thread_sleep(1, &s->parent_word, 0, deadline_in(100 * MILLISECOND_NS)) &&
              (int64_t)plat_clock_now(PLAT_CLOCK_MONOTONIC) > deadline;
    int32_t code;
    assert_int_equal(plat_process_wait(p, deadline, &code), 0);
    assert_int_equal(code, FINE);
    assert_int_equal(s->answer, 12346);
    plat_process_free(p);
    plat_file_close(f);
    plat_segment_unmap(3, view);

    assert_int_equal(plat_segment_map(4, s->keeper, &view), 0);
    assert_string_equal(view, "left");
    plat_segment_unmap(4, view);
}

static void waits_time_out_and_kills_end_it(void **state)
{
    (void)state;
    struct plat_process *p;
    int32_t code;
    assert_int_equal(plat_process_spawn(guest_host, ROLE_SLEEP, NULL, 0, &p), 0);
    assert_int_equal(plat_process_wait(p, deadline_in(20 * MILLISECOND_NS), &code), -LX_ETIMEDOUT);
    plat_process_kill(p);
    assert_int_equal(plat_process_wait(p, deadline_in(20 * SECOND_NS), &code), 0);
    assert_int_not_equal(code, 0);
    plat_process_kill(p); /* of what has ended: nothing */
    assert_int_equal(plat_process_wait(p, 0, &code), 0);
    plat_process_free(p);
}

/* It says so on standard error, in one line. */
static void a_fault_of_ours_ends_the_process(void **state)
{
    (void)state;
    struct plat_process *p;
    int32_t code;
    shared()->bad_address = 16;
    assert_int_equal(plat_process_spawn(guest_host, ROLE_CRASH, NULL, 0, &p), 0);
    assert_int_equal(plat_process_wait(p, deadline_in(20 * SECOND_NS), &code), 0);
    assert_int_not_equal(code, 0);
    assert_int_not_equal(code, FINE);
    plat_process_free(p);
}

static void a_process_knows_what_it_used(void **state)
{
    (void)state;
    uint64_t user, system;
    plat_process_times(&user, &system);
    assert_true(user + system < 60 * SECOND_NS);
    assert_int_not_equal(plat_process_id(), 0);

    static const uint64_t size = 32u << 20;
    uint64_t before = plat_process_peak();
    void *pages;
    assert_int_equal(plat_pages_new(size, &pages), 0);
    memset(pages, 1, size);
    assert_true(plat_process_peak() >= before + size / 2);
#if !defined(TARBOX_SANITIZED) /* whose shadow memory counts as well */
    assert_true(plat_process_peak() <= before + 2 * size);
#endif
    plat_pages_free(pages, size);
    assert_true(plat_process_peak() >= before + size / 2); /* it is a peak */
}

#if defined(__linux__)
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* The guest host inherits the pipe and never writes: it is closed when all are dead. */
static void a_guest_host_dies_with_its_launcher(void **state)
{
    (void)state;
    int pipe_ends[2];
    assert_int_equal(pipe(pipe_ends), 0);
    pid_t launcher = fork();
    if (launcher == 0) {
        struct plat_process *p;
        if (plat_process_spawn(guest_host, ROLE_SLEEP, NULL, 0, &p) < 0)
            _exit(1);
        if (write(pipe_ends[1], "s", 1) == 1)
            pause();
        _exit(2);
    }
    close(pipe_ends[1]);
    char byte;
    assert_int_equal(read(pipe_ends[0], &byte, 1), 1);
    kill(launcher, SIGKILL);
    waitpid(launcher, NULL, 0);
    alarm(20); /* ends this test if the guest host does not */
    assert_int_equal(read(pipe_ends[0], &byte, 1), 0);
    alarm(0);
    close(pipe_ends[0]);
}
#endif

int main(int argc, char **argv)
{
    start_or_exit(&argc, &argv);
    if (argc == 2 && strncmp(argv[1], "--", 2) == 0)
        guest_host(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guest_host_shares_arena_segments_and_files),
        cmocka_unit_test(waits_time_out_and_kills_end_it),
        cmocka_unit_test(a_fault_of_ours_ends_the_process),
        cmocka_unit_test(a_process_knows_what_it_used),
#if defined(__linux__)
        cmocka_unit_test(a_guest_host_dies_with_its_launcher),
#endif
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
