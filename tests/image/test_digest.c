/* SPDX-License-Identifier: MIT */
/* Digests: known ones, however the bytes come. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "digest.h"

/* The digest of bytes added `step` at a time. */
static void digest_of(const void *data, size_t size, size_t step, char text[IMAGE_DIGEST_SIZE])
{
    struct image_digest d;
    image_digest_init(&d);
    for (size_t at = 0; at < size; at += step)
        image_digest_add(&d, (const char *)data + at, size - at < step ? size - at : step);
    image_digest_end(&d, text);
}

/* The examples of FIPS 180-2, and the lengths around which the padding changes. */
static void known_digests(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t repeat;
        const char *digest;
    } rows[] = {
        {"", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {"a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
        {"a", 55, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"},
        {"a", 56, "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a"},
        {"a", 64, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"},
    };
    static const size_t steps[] = {1, 63, 64, 65, 1000000};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t unit = strlen(rows[i].text), size = unit * rows[i].repeat;
        char *data = malloc(size + 1), text[IMAGE_DIGEST_SIZE];
        assert_non_null(data);
        for (size_t n = 0; n < rows[i].repeat; n++)
            memcpy(data + n * unit, rows[i].text, unit);
        for (size_t n = 0; n < sizeof steps / sizeof *steps; n++) {
            digest_of(data, size, steps[n], text);
            assert_memory_equal(text, "sha256:", 7);
            assert_string_equal(text + 7, rows[i].digest);
            assert_true(image_digest_is_valid(text));
        }
        free(data);
    }
}

static void other_texts_are_not_valid(void **state)
{
    (void)state;
    static const char *const rows[] = {
        NULL,
        "",
        "sha256:",
        "sha512:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85",
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b8555",
        "sha256:E3B0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "sha256:../c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855a",
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_false(image_digest_is_valid(rows[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_digests),
        cmocka_unit_test(other_texts_are_not_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
