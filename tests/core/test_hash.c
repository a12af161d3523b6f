/* SPDX-License-Identifier: MIT */
/* Hashes for tables: every byte counts, and the values spread. */

#include "test.h"

#include "core/hash.h"

static void every_byte_and_the_seed_count(void **state)
{
    unsigned char data[40];
    (void)state;
    for (size_t size = 0; size <= sizeof data; size++) {
        memset(data, 7, sizeof data);
        uint64_t hash = core_hash_bytes(data, size, 1);
        assert_true(core_hash_bytes(data, size, 1) == hash);
        assert_true(core_hash_bytes(data, size, 2) != hash);
        if (size < sizeof data)
            assert_true(core_hash_bytes(data, size + 1, 1) != hash);
        for (size_t i = 0; i < size; i++) {
            data[i] ^= 0x80;
            assert_true(core_hash_bytes(data, size, 1) != hash);
            data[i] ^= 0x80;
        }
    }
}

/* Names that differ little fill a table of 1024 buckets about evenly. */
static void values_spread(void **state)
{
    unsigned names[1024] = {0}, words[1024] = {0};
    (void)state;
    for (unsigned i = 0; i < 32768; i++) {
        char name[32];
        int size = snprintf(name, sizeof name, "file-%u.txt", i);
        names[core_hash_bytes(name, (size_t)size, 0) % 1024]++;
        words[core_hash_u64(0x300000000000 + (uint64_t)i * 64) % 1024]++;
    }
    for (int i = 0; i < 1024; i++) { /* 32 on average */
        assert_in_range(names[i], 5, 80);
        assert_in_range(words[i], 5, 80);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_and_the_seed_count),
        cmocka_unit_test(values_spread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
