/* base/secret.c - libsodium, kept in one place */
#include "base/secret.h"
#include "base/check.h"
#include <errno.h>
#include <sodium.h>
#include <string.h>

enum { SECRET_OPS = 2, SECRET_MEMORY_BYTES = 64 * 1024 * 1024 };

/* Verified when an account is unknown, so that the answer takes as long: a made-up hash with the parameters
 * above, whose outcome nobody asks for. */
static const char secret_nobody[] =
    "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY";

void secret_init(void)
{
    CHECK(sodium_init() >= 0);
}

void secret_random(void *into, size_t bytes)
{
    randombytes_buf(into, bytes);
}

uint64_t secret_random_u64(void)
{
    uint64_t n;

    randombytes_buf(&n, sizeof n);
    return n;
}

void secret_password_hash(struct text password, char into[static SECRET_PASSWORD_HASH_MAX])
{
    _Static_assert(SECRET_PASSWORD_HASH_MAX >= crypto_pwhash_STRBYTES, "room for the hash");
    CHECK(crypto_pwhash_str(into, password.at, password.bytes, SECRET_OPS, SECRET_MEMORY_BYTES) == 0);
}

bool secret_password_verify(struct text password, const char *hash)
{
    const char *against = hash ? hash : secret_nobody;

    errno = 0;
    bool is_right = crypto_pwhash_str_verify(against, password.at, password.bytes) == 0;
    CHECK(is_right || errno != ENOMEM); /* or a right password would be called wrong */
    return hash && is_right;
}

void secret_hash(struct text of, uint8_t into[static SECRET_HASH_BYTES])
{
    const unsigned char *at = (const unsigned char *)(of.at ? of.at : "");

    CHECK(crypto_generichash(into, SECRET_HASH_BYTES, at, of.bytes, NULL, 0) == 0);
}

uint64_t secret_hash_u64(struct text of)
{
    uint8_t hash[SECRET_HASH_BYTES];
    uint64_t n = 0;

    secret_hash(of, hash);
    for (int k = 0; k < 8; k++)
        n = n << 8 | hash[k];
    return n;
}

bool secret_equal(const void *a, const void *b, size_t bytes)
{
    return sodium_memcmp(a, b, bytes) == 0;
}

void secret_base64url(const void *p, size_t bytes, char *into)
{
    sodium_bin2base64(into, sodium_base64_encoded_len(bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING), p,
                      bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

/* All ones when low <= c <= high, else 0. */
static uint32_t secret_between(uint32_t c, uint32_t low, uint32_t high)
{
    return 0u - (((low - 1 - c) & (c - high - 1)) >> 31);
}

/* What a character stands for, or a number with high bits for one outside the alphabet. Without branches and
 * look-ups, for tokens are secrets. */
static uint32_t secret_digit(uint32_t c)
{
    uint32_t upper = secret_between(c, 'A', 'Z'), lower = secret_between(c, 'a', 'z');
    uint32_t number = secret_between(c, '0', '9'), minus = secret_between(c, '-', '-'),
             low = secret_between(c, '_', '_');

    return (upper & (c - 'A')) | (lower & (c - 'a' + 26)) | (number & (c - '0' + 52)) | (minus & 62) |
           (low & 63) | (~(upper | lower | number | minus | low) & 0x100);
}

/* By hand and not by libsodium, whose decoder takes 80 instructions a character: every verb reads a token. RFC 4648,
 * section 5; bits that stand for nothing must be 0. */
int secret_unbase64url(struct text t, void *into, size_t into_max)
{
    uint8_t *to = into;
    size_t bytes = t.bytes / 4 * 3 + t.bytes % 4 * 3 / 4, used = 0;
    uint32_t bits = 0, wrong = 0, held = 0;

    if (t.bytes % 4 == 1 || bytes > into_max)
        return -1;
    for (size_t k = 0; k < t.bytes; k++) {
        uint32_t digit = secret_digit((unsigned char)t.at[k]);
        wrong |= digit;
        bits = bits << 6 | (digit & 63);
        held += 6;
        if (held >= 8) {
            held -= 8;
            to[used++] = (uint8_t)(bits >> held);
        }
    }
    return (wrong & 0x100) || (bits & ((1u << held) - 1)) ? -1 : (int)used;
}

void secret_wipe(void *p, size_t bytes)
{
    sodium_memzero(p, bytes);
}
