/* Tests for cards.h: one drawing for all who ask, kept and bounded. */
#include "adapters/cards.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "folder.h"

static struct loop *loop;
static struct cards *cards;

struct heard {
    int times;
    enum card_end end;
    size_t n;
    char key[CARD_KEY_LEN], md5[CARD_MD5_LEN];
};

static void hear(void *arg, enum card_end end, const struct picture *p, const char *why)
{
    struct heard *h = arg;
    (void)why;
    h->times++;
    h->end = end;
    if (!p) return;
    h->n = p->n;
    (void)snprintf(h->key, sizeof(h->key), "%s", p->key);
    (void)snprintf(h->md5, sizeof(h->md5), "%s", p->md5);
    assert_int_equal(strlen(p->base64), (p->n + 2) / 3 * 4);
}

static void run_until(const struct heard *h)
{
    int64_t end = clock_now().mono + 10000;
    while (!h->times && clock_now().mono < end) {
        loop_wait(loop, clock_now().mono + 50);
        loop_run_done(loop);
    }
    assert_int_equal(h->times, 1);
}

static struct card a_card(const char *id)
{
    return (struct card){
        .headline = "短信说医保停用，是骗子", .level = LEVEL_RED, .expires = 1795602840000, .id = id};
}

static int setup(void **state)
{
    struct reason why;
    if (folder_begin(state)) return -1;
    assert_int_equal(loop_new(&loop, &why), RELAY_OK);
    cards = cards_new(loop, folder);
    return 0;
}

static size_t files(void)
{
    char path[300];
    size_t n = 0;
    (void)snprintf(path, sizeof(path), "%s/cards", folder);
    DIR *d = opendir(path);
    if (!d) return 0;
    for (const struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.') continue;
        n++;
    }
    (void)closedir(d);
    return n;
}

static int teardown(void **state)
{
    cards = cards_free(cards);
    loop_free(loop);
    return folder_end(state);
}

static void everybody_who_asks_gets_the_same_drawing(void **state)
{
    (void)state;
    struct heard h[100] = {{0}};
    struct card c = a_card("a-1");
    for (int i = 0; i < 50; i++) cards_ask(cards, &c, hear, &h[i]);
    run_until(&h[0]);
    for (int i = 50; i < 100; i++) {
        cards_ask(cards, &c, hear, &h[i]);
        assert_int_equal(h[i].times, 1); /* at once, from memory */
    }
    for (int i = 1; i < 100; i++) {
        assert_int_equal(h[i].end, CARD_DRAWN);
        assert_string_equal(h[i].md5, h[0].md5);
    }
    assert_int_equal(files(), 1);
}

static void a_kept_picture_is_read_again_and_a_broken_one_is_drawn_again(void **state)
{
    (void)state;
    struct heard h[3] = {{0}};
    struct card c = a_card("a-1");
    char path[300];
    cards_ask(cards, &c, hear, &h[0]);
    run_until(&h[0]);
    (void)snprintf(path, sizeof(path), "%s/cards/%s.png", folder, h[0].key);
    struct stat first, second;
    assert_int_equal(stat(path, &first), 0);
    for (int i = 1; i < 3; i++) {
        if (i == 2) assert_int_equal(truncate(path, (off_t)h[0].n - 20), 0);
        cards_free(cards);
        cards = cards_new(loop, folder); /* as after a restart */
        CLEANUP(buf_release) struct buf b = BUF_INIT(CARD_BYTES_MAX);
        assert_int_equal(cards_read(cards, h[0].key, &b), i == 1);
        cards_ask(cards, &c, hear, &h[i]);
        run_until(&h[i]);
        assert_string_equal(h[i].md5, h[0].md5);
        assert_int_equal(stat(path, &second), 0);
        assert_int_equal(second.st_size, first.st_size);
        assert_int_equal(second.st_ino == first.st_ino, i == 1);
    }
}

static void only_so_many_are_kept_and_the_newest_is_among_them(void **state)
{
    (void)state;
    char path[300];
    (void)snprintf(path, sizeof(path), "%s/cards", folder);
    assert_int_equal(mkdir(path, 0750), 0);
    for (int i = 0; i < CARDS_KEPT + 20; i++) {
        (void)snprintf(path, sizeof(path), "%s/cards/%032x.png", folder, (unsigned)i);
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        (void)fclose(f);
        struct timespec old[2] = {{.tv_sec = 1000000 + i}, {.tv_sec = 1000000 + i}};
        assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
    }
    struct heard h = {0};
    struct card c = a_card("a-2");
    cards_ask(cards, &c, hear, &h);
    run_until(&h);
    assert_int_equal(files(), CARDS_KEPT);
    (void)snprintf(path, sizeof(path), "%s/cards/%s.png", folder, h.key);
    assert_int_equal(access(path, R_OK), 0);
    (void)snprintf(path, sizeof(path), "%s/cards/%032x.png", folder, 20u);
    assert_int_not_equal(access(path, F_OK), 0);
    (void)snprintf(path, sizeof(path), "%s/cards/%032x.png", folder, 21u);
    assert_int_equal(access(path, F_OK), 0);
}

static void keys_are_no_paths(void **state)
{
    (void)state;
    CLEANUP(buf_release) struct buf b = BUF_INIT(4096);
    static const char *const keys[] = {"../tocsin.db", "", "0123456789abcdef0123456789abcde/",
                                       "0123456789ABCDEF0123456789ABCDEF"};
    for (size_t i = 0; i < COUNT(keys); i++) assert_false(cards_read(cards, keys[i], &b));
}

static void who_waits_at_the_end_hears_of_it(void **state)
{
    (void)state;
    struct heard h = {0};
    struct card c = a_card("a-3");
    cards_ask(cards, &c, hear, &h);
    cards = cards_free(cards);
    assert_int_equal(h.times, 1);
    assert_int_equal(h.end, CARD_CANCELLED);
}

static void without_a_folder_pictures_are_drawn_all_the_same(void **state)
{
    (void)state;
    struct heard h = {0};
    struct card c = a_card("a-4");
    struct cards *none = cards_new(loop, NULL);
    cards_ask(none, &c, hear, &h);
    run_until(&h);
    assert_int_equal(h.end, CARD_DRAWN);
    c.headline = "\xf3\xb0\x80\x80";
    struct heard failed = {0};
    cards_ask(none, &c, hear, &failed);
    run_until(&failed);
    assert_int_equal(failed.end, CARD_FAILED);
    cards_free(none);
    assert_int_equal(files(), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(everybody_who_asks_gets_the_same_drawing),
        TEST(a_kept_picture_is_read_again_and_a_broken_one_is_drawn_again),
        TEST(only_so_many_are_kept_and_the_newest_is_among_them),
        TEST(keys_are_no_paths),
        TEST(who_waits_at_the_end_hears_of_it),
        TEST(without_a_folder_pictures_are_drawn_all_the_same),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed;
}
