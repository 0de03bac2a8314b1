/* hash.c: published vectors. */
#include "base/hash.h"

#include "unit.h"

static void check_hex(const uint8_t *bytes, size_t n, const char *want)
{
    char hex[2 * HASH_LEN + 1];
    hash_hex(bytes, n, hex);
    assert_string_equal(hex, want);
}

static void sha256_agrees_with_fips_180(void **state)
{
    (void)state;
    uint8_t d[HASH_LEN];
    hash_sha256("abc", 3, d);
    check_hex(d, HASH_LEN, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    hash_sha256(NULL, 0, d);
    check_hex(d, HASH_LEN, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void hmac_agrees_with_rfc_4231(void **state)
{
    (void)state;
    uint8_t d[HASH_LEN];
    hash_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, d);
    check_hex(d, HASH_LEN, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    hash_hmac_sha256("", 0, "", 0, d);
    check_hex(d, HASH_LEN, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

/* The first vectors of the reference implementation (vectors_sip128): key 00..0f, input 00..(n-1). */
static void siphash_agrees_with_its_authors(void **state)
{
    (void)state;
    static const struct {
        size_t n;
        const char *want;
    } vectors[] = {{0, "a3817f04ba25a8e66df67214c7550293"}, {1, "da87c1d86b99af44347659119b22fc45"},
                   {2, "8177228da4a45dc7fca38bdef60affe4"}, {3, "9c70b60c5267a94e5f33b6b02985ed51"},
                   {8, "3b62a9ba6258f5610f83e264f31497b4"}, {15, "5493e99933b0a8117e08ec0f97cfc3d9"},
                   {16, "6ee2a4ca67b054bbfd3315bf85230577"}};
    uint8_t key[16], in[64], out[16];
    for (size_t i = 0; i < 64; i++) in[i] = (uint8_t)i;
    memcpy(key, in, 16);
    for (size_t i = 0; i < COUNT(vectors); i++) {
        hash_sip128(key, in, vectors[i].n, out);
        check_hex(out, 16, vectors[i].want);
    }
}

static void base32_and_base64_agree_with_rfc_4648(void **state)
{
    (void)state;
    static const struct {
        const char *in, *b32, *b64;
    } vectors[] = {{"", "", ""},
                   {"f", "MY", "Zg=="},
                   {"fo", "MZXQ", "Zm8="},
                   {"foo", "MZXW6", "Zm9v"},
                   {"foob", "MZXW6YQ", "Zm9vYg=="},
                   {"fooba", "MZXW6YTB", "Zm9vYmE="},
                   {"foobar", "MZXW6YTBOI", "Zm9vYmFy"}};
    char out[32];
    for (size_t i = 0; i < COUNT(vectors); i++) {
        size_t n = strlen(vectors[i].in);
        hash_base32((const uint8_t *)vectors[i].in, n, out, sizeof(out));
        assert_string_equal(out, vectors[i].b32);
        hash_base64((const uint8_t *)vectors[i].in, n, out, sizeof(out));
        assert_string_equal(out, vectors[i].b64);
    }
}

static void spellings_stop_at_the_size_given(void **state)
{
    (void)state;
    char out[8] = "xxxxxxx";
    hash_base32((const uint8_t *)"foobar", 6, out, 4);
    assert_string_equal(out, "MZX");
    assert_int_equal(out[4], 'x');
    hash_base64((const uint8_t *)"foobar", 6, out, 5);
    assert_string_equal(out, "Zm9v");
    hash_base64((const uint8_t *)"foobar", 6, out, 4);
    assert_string_equal(out, "");
}

static void a_short_id_is_five_characters_and_stable(void **state)
{
    (void)state;
    char a[SHORT_ID_LEN], b[SHORT_ID_LEN];
    short_id("yanta-1-20261122-7.1/wecom:redgoose", a);
    short_id("yanta-1-20261122-7.2/wecom:redgoose", b);
    assert_int_equal(strlen(a), 5);
    assert_string_not_equal(a, b);
    /* printf %s abc | sha256sum: ba7816bf8f… */
    short_id("abc", a);
    assert_string_equal(a, "XJ4BN");
}

static void random_bytes_differ(void **state)
{
    (void)state;
    uint8_t a[32] = {0}, b[32] = {0};
    struct reason why;
    assert_int_equal(hash_random(a, sizeof(a), &why), RELAY_OK);
    assert_int_equal(hash_random(b, sizeof(b), &why), RELAY_OK);
    assert_false(hash_equal(a, b, sizeof(a)));
    assert_true(hash_equal(a, a, sizeof(a)));
}

static void a_keyed_hash_differs_by_key_use_and_value(void **state)
{
    (void)state;
    static const uint8_t key[16] = {1}, other[16] = {2};
    int64_t a = hash_keyed(key, 'c', "example.fyi", 11);
    assert_int_not_equal(a, 0);
    assert_int_equal(a, hash_keyed(key, 'c', "example.fyi", 11));
    assert_int_not_equal(a, hash_keyed(key, 'd', "example.fyi", 11));
    assert_int_not_equal(a, hash_keyed(key, 'c', "example.fyj", 11));
    assert_int_not_equal(a, hash_keyed(other, 'c', "example.fyi", 11));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_keyed_hash_differs_by_key_use_and_value),
        cmocka_unit_test(sha256_agrees_with_fips_180),
        cmocka_unit_test(hmac_agrees_with_rfc_4231),
        cmocka_unit_test(siphash_agrees_with_its_authors),
        cmocka_unit_test(base32_and_base64_agree_with_rfc_4648),
        cmocka_unit_test(spellings_stop_at_the_size_given),
        cmocka_unit_test(a_short_id_is_five_characters_and_stable),
        cmocka_unit_test(random_bytes_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
