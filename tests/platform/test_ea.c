/* SPDX-License-Identifier: MIT */
/* Lists of extended attributes, and names in them: there and back, and whatever is read. */

#include "test.h"

#include "windows/ea.h"

#define ROOM 4096

static void lists_go_both_ways(void **state)
{
    (void)state;
    for (uint32_t count = 0; count < 20; count++) {
        _Alignas(4) uint8_t bytes[ROOM] = {0};
        static const char name[] = "NAME-THAT-IS-CUT", value[] = "value that is cut, as well";
        struct ea_list list = {.bytes = bytes};
        struct ea ea;
        uint64_t at = 0;
        for (uint32_t i = 0; i < count; i++)
            ea_add(&list, &(struct ea){name, (const uint8_t *)value, 1 + i % 16, i});
        for (uint32_t i = 0; i < count; i++) {
            assert_int_equal(at % 4, 0);
            assert_int_equal(ea_next(bytes, list.size, &at, &ea), 1);
            assert_int_equal(ea.name_size, 1 + i % 16);
            assert_memory_equal(ea.name, name, ea.name_size);
            assert_int_equal(ea.name[ea.name_size], 0);
            assert_int_equal(ea.value_size, i);
            assert_memory_equal(ea.value, value, i);
        }
        assert_int_equal(ea_next(bytes, list.size, &at, &ea), 0);
        assert_int_equal(ea_next(bytes, list.size, &at, &ea), 0);
    }
}

static uint32_t back(const char *name, uint32_t size, char out[EA_NAME_MAX])
{
    const struct ea ea = {name, (const uint8_t *)"=", size, 1};
    return ea_user_of_name(&ea, out);
}

static void names_stand_for_linux_names(void **state)
{
    (void)state;
    static const struct {
        const char *user, *ea;
    } rows[] = {
        {"user.mime_type", "TARBOX.MIME_TYPE"},
        {"user.xdg.origin-url", "TARBOX.XDG.ORIGIN-URL"},
        {"user.Aa0", "TARBOX.%41A0"},
        {"user.%41", "TARBOX.%2541"},
        {"user.a b=\\*", "TARBOX.A%20B%3D%5C%2A"},
        {"user.\xc3\xa9\x01\xff", "TARBOX.%C3%A9%01%FF"},
    };
    char ea[EA_NAME_MAX], user[EA_NAME_MAX];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t size = ea_name_of_user(rows[i].user, ea);
        assert_int_equal(size, strlen(rows[i].ea));
        assert_memory_equal(ea, rows[i].ea, size);
        assert_int_equal(back(ea, size, user), strlen(rows[i].user) + 1);
        assert_string_equal(user, rows[i].user);
    }
}

static void long_names_are_refused(void **state)
{
    (void)state;
    char ea[EA_NAME_MAX], user[EA_NAME_MAX], name[300];
    for (uint32_t size = 0; size < 255; size++) {
        for (int c = 1; c < 256; c += 40) {
            memcpy(name, "user.", 5);
            memset(name + 5, c, size);
            name[5 + size] = 0;
            uint32_t n = ea_name_of_user(name, ea);
            if (!n || !size)
                continue;
            assert_true(n <= EA_NAME_MAX);
            assert_int_equal(back(ea, n, user), size + 6);
            assert_string_equal(user, name);
        }
    }
    assert_int_equal(ea_name_of_user(name, ea), 0);
}

static void other_names_stand_for_none(void **state)
{
    (void)state;
    static const char *const names[] = {"",           "$LXMOD",     "TARBOX.",    "TARBO.A",
                                        "TARBOX.a",   "TARBOX.A%",  "TARBOX.%4",  "TARBOX.%G0",
                                        "TARBOX.%00", "TARBOX.%4a", "TARBOX.A B", "LX.USER.A"};
    char user[EA_NAME_MAX];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_int_equal(back(names[i], (uint32_t)strlen(names[i]), user), 0);
    const struct ea none = {"TARBOX.A", NULL, 8, 0};
    assert_int_equal(ea_user_of_name(&none, user), 0);
}

static void any_bytes_are_survived(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int i = 0; i < 100000; i++) {
        uint32_t size = (uint32_t)(i % 200);
        uint8_t *bytes = random_bytes(size, &seed);
        char user[EA_NAME_MAX];
        struct ea ea;
        uint64_t at = 0;
        assert_non_null(bytes);
        while (ea_next(bytes, size, &at, &ea)) {
            uint32_t sum = 0;
            for (uint32_t k = 0; k < ea.value_size; k++)
                sum += ea.value[k];
            assert_true(sum <= 255 * ea.value_size);
            assert_true(ea_user_of_name(&ea, user) <= EA_NAME_MAX);
        }
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_go_both_ways),     cmocka_unit_test(names_stand_for_linux_names),
        cmocka_unit_test(long_names_are_refused), cmocka_unit_test(other_names_stand_for_none),
        cmocka_unit_test(any_bytes_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
