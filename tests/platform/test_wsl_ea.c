/* SPDX-License-Identifier: MIT */
/* WSL's extended attributes as bytes: what is written is as documented, what is read may be anything. */

#include "test.h"
#include "windows/wsl_ea.h"

static uint32_t number(const uint8_t *at, uint32_t size)
{
    uint32_t value = 0;
    for (uint32_t i = 0; i < size; i++)
        value |= (uint32_t)at[i] << (8 * i);
    return value;
}

/* FILE_FULL_EA_INFORMATION: the next entry's offset, flags, sizes of name and value; name, value. */
static void entries_are_as_documented(void **state)
{
    (void)state;
    _Alignas(4) uint8_t buf[WSL_EA_SIZE];
    const struct wsl_ea ea = {WSL_EA_ALL, 1000, 0x01020304, 0100644};
    const struct {
        const char *name;
        uint32_t value;
    } rows[] = {{"$LXUID", 1000}, {"$LXGID", 0x01020304}, {"$LXMOD", 0100644}};
    uint32_t size = wsl_ea_encode(&ea, 0, buf), at = 0;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(at % 4, 0);
        assert_int_equal(buf[at + 4], 0);
        assert_int_equal(buf[at + 5], 6); /* without the zero */
        assert_int_equal(number(buf + at + 6, 2), 4);
        assert_string_equal((const char *)buf + at + 8, rows[i].name);
        assert_int_equal(number(buf + at + 15, 4), rows[i].value);
        uint32_t next = number(buf + at, 4);
        assert_true(i == 2 ? next == 0 : next >= 19);
        if (i == 2)
            assert_int_equal(size, at + 19);
        at += next;
    }
}

static void a_value_of_no_bytes_removes(void **state)
{
    (void)state;
    _Alignas(4) uint8_t buf[WSL_EA_SIZE];
    const struct wsl_ea ea = {.has = WSL_EA_GID, .gid = 7};
    struct wsl_ea back;
    assert_int_equal(wsl_ea_encode(&ea, WSL_EA_UID | WSL_EA_MODE, buf), 16 + 20 + 15);
    assert_int_equal(number(buf + 6, 2), 0);
    assert_int_equal(number(buf + 16 + 20 + 6, 2), 0);
    wsl_ea_decode(buf, sizeof buf, &back);
    assert_int_equal(back.has, WSL_EA_GID);
    assert_int_equal(back.gid, 7);
    assert_int_equal(wsl_ea_encode(&(struct wsl_ea){0}, 0, buf), 0);
}

/* FILE_GET_EA_INFORMATION: the next entry's offset, the name's size, the name. */
static void names_are_as_documented(void **state)
{
    (void)state;
    static const char *const names[] = {"$LXUID", "$LXGID", "$LXMOD"};
    _Alignas(4) uint8_t buf[WSL_EA_NAMES];
    uint32_t at = 0;
    wsl_ea_names(buf);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(at % 4, 0);
        assert_int_equal(buf[at + 4], 6);
        assert_string_equal((const char *)buf + at + 5, names[i]);
        assert_int_equal(number(buf + at, 4), i == 2 ? 0 : 12);
        at += number(buf + at, 4);
    }
}

static void every_choice_goes_both_ways(void **state)
{
    (void)state;
    _Alignas(4) uint8_t buf[WSL_EA_SIZE];
    for (uint32_t has = 0; has <= WSL_EA_ALL; has++) {
        const struct wsl_ea ea = {has, 0xfffffffe, 0x80000000, 0120777};
        struct wsl_ea back;
        uint32_t size = wsl_ea_encode(&ea, WSL_EA_ALL & ~has, buf);
        wsl_ea_decode(buf, size, &back);
        assert_int_equal(back.has, has);
        assert_int_equal(back.uid, has & WSL_EA_UID ? ea.uid : 0);
        assert_int_equal(back.gid, has & WSL_EA_GID ? ea.gid : 0);
        assert_int_equal(back.mode, has & WSL_EA_MODE ? ea.mode : 0);
    }
}

/* Add an entry for a name and a value of any size; returns where it ends. */
static uint32_t add(uint8_t *buf, uint32_t at, const char *name, uint32_t value_size)
{
    uint32_t name_size = (uint32_t)strlen(name);
    memset(buf + at, 0, 8);
    buf[at + 5] = (uint8_t)name_size;
    buf[at + 6] = (uint8_t)value_size;
    buf[at + 7] = (uint8_t)(value_size >> 8);
    memcpy(buf + at + 8, name, name_size + 1);
    memset(buf + at + 9 + name_size, 5, value_size);
    uint32_t end = (at + 9 + name_size + value_size + 3) & ~3u;
    buf[at] = (uint8_t)(end - at);
    buf[at + 1] = (uint8_t)((end - at) >> 8);
    return end;
}

static void what_is_foreign_does_not_count(void **state)
{
    (void)state;
    uint8_t buf[1024];
    struct wsl_ea ea;
    uint32_t at = add(buf, 0, "$LXUID", 8); /* too long */
    at = add(buf, at, "$LXGID", 2);         /* too short */
    at = add(buf, at, "$LXMODE", 4);
    at = add(buf, at, "$lxmod", 4);
    at = add(buf, at, "LX.USER.NAME", 300);
    uint32_t last = at;
    at = add(buf, at, "$LXMOD", 4);
    buf[last] = 0;
    wsl_ea_decode(buf, at, &ea);
    assert_int_equal(ea.has, WSL_EA_MODE);
    assert_int_equal(ea.mode, 0x05050505);
}

/* Every length of it in memory of that size, for the sanitizer; and every offset to the next. */
static void what_is_cut_off_is_not_read(void **state)
{
    (void)state;
    _Alignas(4) uint8_t buf[WSL_EA_SIZE];
    const struct wsl_ea ea = {WSL_EA_ALL, 1, 2, 3};
    uint32_t size = wsl_ea_encode(&ea, 0, buf);
    for (uint32_t length = 0; length <= size; length++) {
        uint8_t *copy = malloc(length ? length : 1);
        struct wsl_ea back;
        assert_non_null(copy);
        for (uint32_t next = 0; next < 256; next++) {
            memcpy(copy, buf, length);
            if (length > 0)
                copy[0] = (uint8_t)next;
            wsl_ea_decode(copy, length, &back);
            assert_int_equal(!!(back.has & WSL_EA_UID), length >= 19);
        }
        memcpy(copy, buf, length);
        if (length > 3)
            memset(copy, 0xff, 4); /* far away */
        wsl_ea_decode(copy, length, &back);
        assert_int_equal(back.has, length >= 19 ? WSL_EA_UID : 0);
        free(copy);
    }
}

static void any_bytes_are_survived(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int i = 0; i < 100000; i++) {
        uint32_t size = (uint32_t)(i % 200);
        uint8_t *bytes = random_bytes(size, &seed);
        struct wsl_ea ea;
        assert_non_null(bytes);
        wsl_ea_decode(bytes, size, &ea);
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_as_documented),
        cmocka_unit_test(a_value_of_no_bytes_removes),
        cmocka_unit_test(names_are_as_documented),
        cmocka_unit_test(every_choice_goes_both_ways),
        cmocka_unit_test(what_is_foreign_does_not_count),
        cmocka_unit_test(what_is_cut_off_is_not_read),
        cmocka_unit_test(any_bytes_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
