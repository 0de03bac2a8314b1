/* texts.c: the texts that may be spoken, for whoever records them. */
#include "player/texts.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "unit.h"

static void a_correction_is_recorded_as_it_is_heard(void **state)
{
    (void)state;
    char folder[] = "/tmp/tocsin-texts-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/a.yaml", folder);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    (void)fputs("id: a\nsay:\n  voice: 防骗提醒。刚才到{{help}}问。\n  correction: "
                "更正。刚才播的提醒有误。请到{{help}}。\n",
                f);
    assert_int_equal(fclose(f), 0);
    struct texts *t = texts_new();
    struct reason why = {""};
    if (texts_add_pack(t, folder, "医院", "服务台", &why) != RELAY_OK) fail_msg("%s", why.text);
    assert_int_equal(texts_count(t), 2);
    assert_string_equal(texts_find(t, "a.voice")->text, "防骗提醒。刚才到服务台问。");
    assert_string_equal(texts_find(t, "a.correction")->text, "更正。之前播的提醒有误。请到服务台。");
    texts_free(t);
    (void)unlink(path);
    (void)rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_correction_is_recorded_as_it_is_heard)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
