/* SPDX-License-Identifier: MIT */
/* Shared objects. */

#include "test.h"

#include "core/layout.h"
#include "core/shared.h"

#define GRANULE ((uint64_t)PLAT_GRANULE)
#define PLACE (CORE_MMAP_BASE + 64 * GRANULE)
#define READ_WRITE (PLAT_READ | PLAT_WRITE)

static struct core_shared *new_object(uint64_t size)
{
    struct core_shared *s;
    assert_int_equal(core_shared_new(size, &s), 0);
    assert_non_null(s);
    return s;
}

/* What lies at an offset, 0 to 255, without making anything. */
static int map(struct core_shared *s, uint64_t offset, uint64_t addr, uint64_t size)
{
    uint64_t there;
    int err = core_shared_map(s, offset, addr, size, 1, &there);
    if (err < 0)
        return err;
    assert_int_equal(there, size);
    return plat_mem_protect(addr, size, READ_WRITE);
}

static int byte_at(struct core_shared *s, uint64_t offset)
{
    struct core_shared_piece piece;
    assert_int_equal(core_shared_look(s, offset, 1, 0, &piece), 0);
    assert_int_equal(piece.size, 1);
    int byte = piece.bytes ? piece.bytes[0] : 0;
    core_shared_look_end(&piece);
    return byte;
}

static void set_byte(struct core_shared *s, uint64_t offset, uint8_t byte)
{
    struct core_shared_piece piece;
    assert_int_equal(core_shared_look(s, offset, 1, 1, &piece), 0);
    assert_non_null(piece.bytes);
    piece.bytes[0] = byte;
    core_shared_look_end(&piece);
}

static void parts_cover_everything_once(void **state)
{
    static const uint64_t sizes[] = {0, 1, GRANULE, GRANULE + 1, 5 * GRANULE, 1ull << 30};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct core_shared *s = new_object(sizes[i]);
        uint64_t at = 0, end;
        assert_true(core_shared_size(s) >= sizes[i] && core_shared_size(s) >= GRANULE);
        for (int part = 0; part < 12; part++, at = end) {
            end = core_shared_part_end(s, at);
            assert_true(end > at && end % GRANULE == 0);
            assert_int_equal(core_shared_part_end(s, end - 1), end);
            assert_int_equal(core_shared_part_end(s, (at + end) / 2), end);
            assert_int_equal(end - at, at ? at : core_shared_size(s)); /* each doubles it */
        }
        core_shared_put(s);
    }
}

static void bytes_stay_and_are_zero_at_first(void **state)
{
    static const uint64_t offsets[] = {0, GRANULE - 1, GRANULE, 3 * GRANULE + 77, 100 * GRANULE};
    struct core_shared_piece piece;
    (void)state;
    struct core_shared *s = new_object(1);
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        assert_int_equal(byte_at(s, offsets[i]), 0);
        set_byte(s, offsets[i], (uint8_t)(i + 1));
    }
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++)
        assert_int_equal(byte_at(s, offsets[i]), i + 1);

    /* Nobody has used them: there is nothing to look at, up to the part's end. */
    assert_int_equal(core_shared_look(s, 1ull << 40, UINT64_MAX, 0, &piece), 0);
    assert_null(piece.bytes);
    assert_int_equal(piece.size, core_shared_part_end(s, 1ull << 40) - (1ull << 40));
    core_shared_look_end(&piece);

    assert_int_equal(core_shared_zero(s, GRANULE, 3 * GRANULE), 0);
    assert_int_equal(byte_at(s, GRANULE - 1), 2);
    assert_int_equal(byte_at(s, GRANULE), 0);
    assert_int_equal(byte_at(s, 3 * GRANULE + 77), 0);
    assert_int_equal(byte_at(s, 100 * GRANULE), 5);
    core_shared_put(s);
}

/* Of a file of the host an object has no memory, only keys. */
static void a_file_is_mapped_itself(void **state)
{
    struct plat_file *file;
    struct core_shared *s;
    uint64_t key, there;
    char byte;
    (void)state;
    assert_int_equal(plat_keeper_start(), 0);
    assert_int_equal(plat_file_temporary(&file), 0);
    assert_int_equal(plat_file_pwrite(file, "host", 4, 0), 4);
    assert_int_equal(plat_file_keep(core_shared_keeper(), file, &key), 0);
    assert_int_equal(core_shared_new_file(&s), 0);
    assert_int_equal(core_shared_map(s, 0, PLACE, GRANULE, 1, &there), -LX_EACCES);
    assert_int_equal(there, 0);
    core_shared_set_file(s, key, 0);
    assert_int_equal(core_shared_map(s, 0, PLACE, GRANULE, 1, &there), -LX_EACCES);
    core_shared_set_file(s, 0, key);
    assert_int_equal(core_shared_map(s, 0, PLACE, GRANULE, 1, &there), 0);
    assert_int_equal(plat_mem_protect(PLACE, 4096, READ_WRITE), 0);
    assert_memory_equal((void *)PLACE, "host", 4);
    *(char *)(PLACE + 3) = 's';
    assert_true(plat_file_pread(file, &byte, 1, 3) == 1 && byte == 's');
    core_shared_unmap(PLACE, there);
    assert_int_equal(core_shared_part_end(s, 5), UINT64_MAX);
    core_shared_put(s);
    plat_file_forget(core_shared_keeper(), key);
    plat_file_close(file);
}

#define MANY 200u /* more windows than a process keeps views of */
#define WINDOW (16 * GRANULE)

/* The bytes are the same ones, whoever maps them and whatever else is looked at meanwhile. */
static void many_windows_are_looked_at(void **state)
{
    (void)state;
    struct core_shared *a = new_object(MANY * WINDOW), *b = new_object(3 * GRANULE);
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < MANY; i++) {
            assert_int_equal(byte_at(a, i * WINDOW + i), round ? (uint8_t)(i + round) : 0);
            set_byte(a, i * WINDOW + i, (uint8_t)(i + round + 1));
            set_byte(b, i, (uint8_t)i);
            assert_int_equal(byte_at(b, i), (uint8_t)i);
        }
    }
    assert_int_equal(map(a, 7 * WINDOW, PLACE, GRANULE), 0);
    assert_int_equal(*(uint8_t *)(PLACE + 7), 10);
    *(uint8_t *)(PLACE + 7) = 99;
    assert_int_equal(byte_at(a, 7 * WINDOW + 7), 99);
    core_shared_rest();
    assert_int_equal(byte_at(a, 7 * WINDOW + 7), 99);
    core_shared_unmap(PLACE, GRANULE);
    core_shared_put(a);
    core_shared_put(b);
}

/* Pieces stay while they are looked at. */
static void many_pieces_are_held(void **state)
{
    struct core_shared_piece pieces[MANY], first;
    (void)state;
    struct core_shared *s = new_object(MANY * WINDOW);
    for (uint32_t i = 0; i < MANY; i++) {
        assert_int_equal(core_shared_look(s, i * WINDOW + 5, 2 * WINDOW, 1, &pieces[i]), 0);
        assert_int_equal(pieces[i].size, WINDOW - 5); /* no more lie together */
        pieces[i].bytes[0] = (uint8_t)i;
    }
    assert_int_equal(core_shared_look(s, 5, 1, 0, &first), 0);
    core_shared_rest();
    for (uint32_t i = 0; i < MANY; i++) {
        assert_int_equal(pieces[i].bytes[0], (uint8_t)i);
        core_shared_look_end(&pieces[i]);
    }
    first.bytes[0] = 77;
    core_shared_look_end(&first);
    assert_int_equal(byte_at(s, 5), 77);
    core_shared_put(s);
}

static void objects_are_apart_and_go(void **state)
{
    (void)state;
    uint64_t before = core_shared_count(), used = core_arena_used();
    struct core_shared *a = new_object(GRANULE), *b = new_object(GRANULE);
    assert_int_equal(core_shared_count(), before + 2);
    assert_int_equal(map(a, 0, PLACE, GRANULE), 0);
    assert_int_equal(map(b, 0, PLACE, GRANULE), -LX_EEXIST);
    assert_int_equal(map(b, 0, PLACE + GRANULE, GRANULE), 0);
    memset((void *)PLACE, 'a', GRANULE);
    assert_int_equal(*(char *)(PLACE + GRANULE), 0);
    assert_int_equal(byte_at(a, 5), 'a');
    assert_int_equal(byte_at(b, 5), 0);

    assert_ptr_equal(core_shared_get(a), a);
    core_shared_put(a);
    core_shared_put(b);
    assert_int_equal(core_shared_count(), before + 1);
    core_shared_unmap(PLACE + GRANULE, GRANULE);
    core_shared_unmap(PLACE, GRANULE);
    assert_int_equal(byte_at(a, 5), 'a');
    core_shared_put(a);
    core_shared_put(NULL);
    assert_int_equal(core_shared_count(), before);
    assert_int_equal(core_arena_used(), used);
}

/* A new object has nothing of one that was. */
static void memory_is_zero_again(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct core_shared *s = new_object(4 * GRANULE);
        assert_int_equal(map(s, 0, PLACE, 4 * GRANULE), 0);
        unsigned char *p = (unsigned char *)PLACE;
        assert_true(p[0] == 0 && memcmp(p, p + 1, 4 * GRANULE - 1) == 0);
        memset(p, 0xff, 4 * GRANULE);
        core_shared_unmap(PLACE, 4 * GRANULE);
        core_shared_put(s);
    }
}

static void too_large_is_no_memory(void **state)
{
    struct core_shared *s;
    struct core_shared_piece piece;
    (void)state;
    assert_int_equal(core_shared_new(UINT64_MAX, &s), -LX_ENOMEM);
    assert_null(s);
    s = new_object(1);
    assert_int_equal(core_shared_look(s, UINT64_MAX - 1, 1, 1, &piece), -LX_ENOMEM);
    core_shared_put(s);
}

int main(int argc, char **argv)
{
    start_or_exit(&argc, &argv);
    if (core_shared_init() < 0)
        return 2;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_cover_everything_once),
        cmocka_unit_test(bytes_stay_and_are_zero_at_first),
        cmocka_unit_test(a_file_is_mapped_itself),
        cmocka_unit_test(many_windows_are_looked_at),
        cmocka_unit_test(many_pieces_are_held),
        cmocka_unit_test(objects_are_apart_and_go),
        cmocka_unit_test(memory_is_zero_again),
        cmocka_unit_test(too_large_is_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
