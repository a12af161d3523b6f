/* SPDX-License-Identifier: MIT */
/* Configurations: what is read, what is refused, what a change makes of them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "image/config.h"
#include "lx/errno.h"

static int read_text(const char *text, struct image_config *c, struct core_diag *diag)
{
    diag->text[0] = 0;
    return image_config_read(text, strlen(text), "config.json", c, diag);
}

/* What an image made by docker has, shortened. */
static const char full[] =
    "{\"architecture\":\"amd64\",\"config\":{\"Hostname\":\"\",\"User\":\"1000:users\","
    "\"ExposedPorts\":{\"80/tcp\":{},\"53/udp\":{}},\"Env\":[\"PATH=/bin\",\"A=\\u00e9\"],"
    "\"Cmd\":[\"-x\"],\"Entrypoint\":[\"/bin/run\",\"\"],\"Volumes\":{\"/v\":{}},"
    "\"WorkingDir\":\"/w\",\"Labels\":{\"z\":\"1\",\"a\":\"\"},\"StopSignal\":\"SIGQUIT\","
    "\"OnBuild\":null},\"container_config\":{\"Cmd\":7},\"created\":\"2020-01-02T03:04:05Z\","
    "\"history\":[{\"created_by\":\"ADD x\"},{\"comment\":\"c\",\"empty_layer\":true}],"
    "\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:00\"]}}";

static const char canonical[] =
    "{\"architecture\":\"amd64\",\"config\":{\"Cmd\":[\"-x\"],\"Entrypoint\":[\"/bin/run\",\"\"],"
    "\"Env\":[\"PATH=/bin\",\"A=\xc3\xa9\"],\"ExposedPorts\":{\"53/udp\":{},\"80/tcp\":{}},"
    "\"Labels\":{\"a\":\"\",\"z\":\"1\"},\"StopSignal\":\"SIGQUIT\",\"User\":\"1000:users\","
    "\"Volumes\":{\"/v\":{}},\"WorkingDir\":\"/w\"},\"created\":\"2020-01-02T03:04:05Z\","
    "\"history\":[{\"created_by\":\"ADD x\"},{\"comment\":\"c\",\"empty_layer\":true}],"
    "\"os\":\"linux\"}";

static void expect_text(const struct image_config *c, const char *want)
{
    char *text;
    size_t size;
    assert_int_equal(image_config_write(c, &text, &size), 0);
    assert_string_equal(text, want);
    assert_int_equal(size, strlen(want));
    free(text);
}

static void all_fields_are_read_and_written(void **state)
{
    (void)state;
    struct image_config c;
    struct core_diag diag;
    assert_int_equal(read_text(full, &c, &diag), 0);
    assert_int_equal(c.env.count, 2);
    assert_string_equal(c.env.items[1], "A=\xc3\xa9");
    assert_int_equal(c.entrypoint.count, 2);
    assert_string_equal(c.entrypoint.items[1], "");
    assert_string_equal(c.cmd.items[0], "-x");
    assert_string_equal(c.ports.items[0], "53/udp");
    assert_string_equal(c.volumes.items[0], "/v");
    assert_int_equal(c.label_count, 2);
    assert_string_equal(c.labels[1].key, "z");
    assert_string_equal(c.labels[0].value, "");
    assert_string_equal(c.user, "1000:users");
    assert_string_equal(c.workdir, "/w");
    assert_string_equal(c.stop_signal, "SIGQUIT");
    assert_string_equal(c.created, "2020-01-02T03:04:05Z");
    assert_string_equal(c.architecture, "amd64");
    assert_string_equal(c.os, "linux");
    assert_int_equal(c.history_count, 2);
    assert_string_equal(c.history[0].created_by, "ADD x");
    assert_int_equal(c.history[0].empty_layer, 0);
    assert_int_equal(c.history[1].empty_layer, 1);
    assert_int_equal(c.diff_ids.count, 1);
    expect_text(&c, canonical);
    image_config_fini(&c);

    assert_int_equal(read_text(canonical, &c, &diag), 0);
    assert_int_equal(c.diff_ids.count, 0);
    expect_text(&c, canonical);
    image_config_fini(&c);
}

static void null_and_empty_are_absent(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "{}",
        "{\"config\":null,\"history\":null,\"rootfs\":null,\"os\":null}",
        "{\"config\":{\"Env\":null,\"Cmd\":[],\"Labels\":{},\"User\":\"\",\"Volumes\":null}}",
        " {\"unknown\":[1.5e3,{\"a\":-1}],\"history\":[]} ",
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct image_config c;
        struct core_diag diag;
        assert_int_equal(read_text(rows[i], &c, &diag), 0);
        assert_null(c.user);
        expect_text(&c, "{}");
        image_config_fini(&c);
    }
}

static void bad_configurations_name_the_field(void **state)
{
    (void)state;
    static const struct {
        const char *text, *reason;
    } rows[] = {
        {"", "config.json: this is no JSON"},
        {"{\"os\":\"linux\"", "no JSON"},
        {"{}x", "no JSON"},
        {"[]", "no image configuration"},
        {"{\"config\":[]}", "'config' is no object"},
        {"{\"config\":{\"Env\":{}}}", "'config.Env' is no array"},
        {"{\"config\":{\"Env\":[\"A=1\",2]}}", "'config.Env' is no array of strings"},
        {"{\"config\":{\"Cmd\":\"/bin/sh\"}}", "'config.Cmd' is no array"},
        {"{\"config\":{\"User\":0}}", "'config.User' is no string"},
        {"{\"config\":{\"Labels\":{\"a\":1}}}", "'config.Labels' is no object of strings"},
        {"{\"config\":{\"Volumes\":[\"/v\"]}}", "'config.Volumes' is no object"},
        {"{\"config\":{\"WorkingDir\":\"/a\\u0000b\"}}", "no JSON"},
        {"{\"config\":{\"WorkingDir\":\"/\xff\"}}", "no JSON"},
        {"{\"history\":[{},3]}", "'history' is no array of objects"},
        {"{\"history\":[{},{\"comment\":3}]}", "'history[1].comment' is no string"},
        {"{\"history\":[{\"empty_layer\":1}]}", "'history[0].empty_layer' is no boolean"},
        {"{\"rootfs\":{\"diff_ids\":[null]}}", "'rootfs.diff_ids' is no array of strings"},
        {"{\"os\":true}", "'os' is no string"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct image_config c;
        struct core_diag diag;
        int err = read_text(rows[i].text, &c, &diag);
        if (err != -LX_EINVAL || !strstr(diag.text, rows[i].reason))
            fail_msg("row %d: %d: %s", (int)i, err, diag.text);
        assert_null(c.env.items);
    }
}

static void bombs_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *repeated;
        size_t size;
        const char *reason;
    } rows[] = {
        {"[", 2000000, "more than 64 levels"},
        {"{\"a\":", 2000000, "more than 64 levels"},
        {"{},", 3000000, "262144 values"},
        {" ", (4u << 20) + 1, "longer than 4 MiB"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *text = malloc(rows[i].size);
        assert_non_null(text);
        size_t step = strlen(rows[i].repeated);
        text[0] = '[';
        for (size_t at = 1; at < rows[i].size; at++)
            text[at] = rows[i].repeated[(at - 1) % step];
        struct image_config c;
        struct core_diag diag;
        int err = image_config_read(text, rows[i].size, "bomb", &c, &diag);
        if (err != -LX_EFBIG || !strstr(diag.text, rows[i].reason))
            fail_msg("row %d: %d: %s", (int)i, err, diag.text);
        free(text);
    }
}

static void changes_are_made_as_in_a_dockerfile(void **state)
{
    (void)state;
    static const struct {
        const char *changes[4];
        const char *want; /* the text of "config" */
    } rows[] = {
        {{"CMD [\"a\", \"b c\"]"}, "\"Cmd\":[\"a\",\"b c\"]"},
        {{"CMD echo  \"$HOME\""}, "\"Cmd\":[\"/bin/sh\",\"-c\",\"echo  \\\"$HOME\\\"\"]"},
        {{"CMD [ -f /x ] && y"}, "\"Cmd\":[\"/bin/sh\",\"-c\",\"[ -f /x ] && y\"]"},
        {{"CMD a", "cmd []"}, ""},
        {{"entrypoint [\"/e\"]", "ENTRYPOINT [\"/f\"]"}, "\"Entrypoint\":[\"/f\"]"},
        {{"ENV A=b"}, "\"Env\":[\"A=b\"]"},
        {{"ENV A=b C='d e' D=\"f\\\"g\" E=h\\ i F="},
         "\"Env\":[\"A=b\",\"C=d e\",\"D=f\\\"g\",\"E=h i\",\"F=\"]"},
        {{"ENV A=1 B=2", "ENV A=3"}, "\"Env\":[\"A=3\",\"B=2\"]"},
        {{"ENV A the rest  of it"}, "\"Env\":[\"A=the rest  of it\"]"},
        {{"ENV P=/bin", "ENV P=/x:$P A=${P}y$NO B=\\$P C='$P' D=$"},
         "\"Env\":[\"P=/x:/bin\",\"A=/biny\",\"B=$P\",\"C=$P\",\"D=$\"]"},
        {{"LABEL b=2 a.b=\"x y\"", "LABEL c=3 b=4"},
         "\"Labels\":{\"a.b\":\"x y\",\"b\":\"4\",\"c\":\"3\"}"},
        {{"LABEL k v w"}, "\"Labels\":{\"k\":\"v w\"}"},
        {{"EXPOSE 80 53/udp 80/tcp", "EXPOSE 8000-8002"},
         "\"ExposedPorts\":{\"53/udp\":{},\"80/tcp\":{},\"8000/tcp\":{},\"8001/tcp\":{},"
         "\"8002/tcp\":{}}"},
        {{"VOLUME /b /a", "VOLUME [\"/c d\"]"}, "\"Volumes\":{\"/a\":{},\"/b\":{},\"/c d\":{}}"},
        {{"USER 0:0", "USER nobody"}, "\"User\":\"nobody\""},
        {{"WORKDIR /a", "WORKDIR b"}, "\"WorkingDir\":\"/a/b\""},
        {{"WORKDIR b"}, "\"WorkingDir\":\"/b\""},
        {{"STOPSIGNAL SIGINT"}, "\"StopSignal\":\"SIGINT\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct image_config c = {0};
        struct core_diag diag;
        char want[400];
        for (int n = 0; n < 4 && rows[i].changes[n]; n++)
            if (image_config_change(&c, rows[i].changes[n], &diag) < 0)
                fail_msg("%s: %s", rows[i].changes[n], diag.text);
        snprintf(want, sizeof want, *rows[i].want ? "{\"config\":{%s}}" : "{%s}", rows[i].want);
        expect_text(&c, want);
        image_config_fini(&c);
    }
}

static void bad_changes_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *change, *reason;
    } rows[] = {
        {"", "begins with no instruction"},
        {"RUN x", "the change 'RUN x' begins with no instruction"},
        {"ENVA=b", "begins with no instruction"},
        {"ENV", "has no value"},
        {"ENV A", "has no value; write NAME=value"},
        {"ENV A=b C", "no NAME=value"},
        {"ENV =b", "no NAME=value"},
        {"ENV A='b", "a quote that does not end"},
        {"ENV A=${B:-c}", "no ${NAME}"},
        {"ENV A=${", "no ${NAME}"},
        {"CMD", "has no command"},
        {"USER \"\"", "has no value"},
        {"WORKDIR", "has no value"},
        {"VOLUME", "has no value"},
        {"VOLUME [\"\"]", "an empty volume"},
        {"EXPOSE http", "names no port"},
        {"EXPOSE 0", "names no port"},
        {"EXPOSE 65536", "names no port"},
        {"EXPOSE 9-8", "names no port"},
        {"EXPOSE 80/x", "names no port"},
        {"USER \xff", "no UTF-8"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct image_config c = {0};
        struct core_diag diag;
        int err = image_config_change(&c, rows[i].change, &diag);
        if (err != -LX_EINVAL || !strstr(diag.text, rows[i].reason))
            fail_msg("row %d: %d: %s", (int)i, err, diag.text);
        image_config_fini(&c);
    }
}

static void steps_are_added_with_their_time(void **state)
{
    static const struct {
        uint64_t seconds;
        const char *time;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000000007Z"},
        {951782399, "2000-02-28T23:59:59.000000007Z"},
        {951782400, "2000-02-29T00:00:00.000000007Z"},
        {951868800, "2000-03-01T00:00:00.000000007Z"},
        {1234567890, "2009-02-13T23:31:30.000000007Z"},
        {1735689599, "2024-12-31T23:59:59.000000007Z"},
        {4107542400, "2100-03-01T00:00:00.000000007Z"},
    };
    (void)state;
    struct image_config c = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct image_history *step;
        assert_int_equal(image_config_add_step(&c, "cp", cases[i].seconds * 1000000000 + 7), 0);
        assert_int_equal(c.history_count, i + 1);
        step = &c.history[i];
        assert_string_equal(step->created, cases[i].time);
        assert_string_equal(step->created_by, "cp");
        assert_string_equal(c.created, cases[i].time);
        assert_false(step->empty_layer);
    }
    image_config_fini(&c);
    assert_int_equal(image_config_add_step(&c, "a \xff", 0), 0);
    expect_text(&c, "{\"created\":\"1970-01-01T00:00:00.000000000Z\",\"history\":[{\"created\":"
                    "\"1970-01-01T00:00:00.000000000Z\",\"created_by\":\"a ?\"}]}");
    image_config_fini(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_fields_are_read_and_written),
        cmocka_unit_test(steps_are_added_with_their_time),
        cmocka_unit_test(null_and_empty_are_absent),
        cmocka_unit_test(bad_configurations_name_the_field),
        cmocka_unit_test(bombs_are_refused),
        cmocka_unit_test(changes_are_made_as_in_a_dockerfile),
        cmocka_unit_test(bad_changes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
