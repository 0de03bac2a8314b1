/* The hashes of mosquitto's password file, as mosquitto_passwd(1) makes them: a salt of 12 bytes, 101 rounds. What is
 * hashed here is random, so that more rounds would protect nothing. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/i18n.h"
#include "cli/init.h"

enum { SALT_LEN = 12, KEY_LEN = 64, ROUNDS = 101, ROUNDS_MOST = 10000000, TEXT_LEN = 96 };

static bool derive(const char *password, const unsigned char *salt, int salt_len, int rounds,
                   char ret[static TEXT_LEN])
{
    unsigned char key[KEY_LEN];
    if (PKCS5_PBKDF2_HMAC(password, (int)strlen(password), salt, salt_len, rounds, EVP_sha512(), KEY_LEN,
                          key) != 1)
        return false;
    hash_base64(key, KEY_LEN, ret, TEXT_LEN);
    return true;
}

enum relay_err broker_password_hash(const char *password, char **ret, struct reason *why)
{
    unsigned char salt[SALT_LEN];
    char salt_text[32], key[TEXT_LEN];
    enum relay_err err = hash_random(salt, sizeof(salt), why);
    if (err) return err;
    if (!derive(password, salt, SALT_LEN, ROUNDS, key))
        return fail(why, RELAY_IO, _("the password could not be hashed"));
    hash_base64(salt, SALT_LEN, salt_text, sizeof(salt_text));
    *ret = xasprintf("$7$%d$%s$%s", ROUNDS, salt_text, key);
    return RELAY_OK;
}

bool broker_password_fits(const char *hash, const char *password)
{
    unsigned char salt[TEXT_LEN];
    char key[TEXT_LEN], *end;
    if (strncmp(hash, "$7$", 3) != 0) return false;
    long rounds = strtol(hash + 3, &end, 10);
    if (*end != '$' || rounds < 1 || rounds > ROUNDS_MOST) return false;
    const char *text = end + 1, *stop = strchr(text, '$');
    size_t n = stop ? (size_t)(stop - text) : 0;
    if (!n || n % 4 || n >= sizeof(salt)) return false;
    int len = EVP_DecodeBlock(salt, (const unsigned char *)text, (int)n);
    if (len < 0) return false;
    len -= (text[n - 1] == '=') + (text[n - 2] == '=');
    return derive(password, salt, len, (int)rounds, key) && strcmp(key, stop + 1) == 0;
}
