/* base/secret.c - libsodium, kept in one place */
#include "base/secret.h"
#include "base/check.h"
#include <endian.h>
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

#define SECRET_ALL(byte) (0x0101010101010101u * (uint64_t)(byte))

/* Of the eight bytes of c, all below 0x80: those from low to high as first, first + 1, ..., the others as 0; *in gets
 * the highest bit of each that was taken. No byte borrows from the next, because the highest bits are set before. */
static uint64_t secret_range(uint64_t c, unsigned low, unsigned high, unsigned first, uint64_t *in)
{
    const uint64_t top = SECRET_ALL(0x80);
    uint64_t from_low = (c | top) - SECRET_ALL(low),
             taken = from_low & ~((c | top) - SECRET_ALL(high + 1)) & top;
    uint64_t whole = (taken >> 7) * 0xff;

    *in |= taken;
    return ((from_low & ~top) + SECRET_ALL(first)) & whole;
}

/* Eight characters, the first in the highest byte, as the 48 bits that they stand for; false: one is outside the
 * alphabet. Without branches and look-ups, for tokens are secrets. */
static bool secret_eight(uint64_t c, uint64_t *bits)
{
    const uint64_t top = SECRET_ALL(0x80);
    uint64_t in = 0, odd = c & top, v;

    c &= ~top;
    v = secret_range(c, 'A', 'Z', 0, &in) | secret_range(c, 'a', 'z', 26, &in) |
        secret_range(c, '0', '9', 52, &in) | secret_range(c, '-', '-', 62, &in) |
        secret_range(c, '_', '_', 63, &in);
    v = (v & 0x3f003f003f003f00u) >> 2 | (v & 0x003f003f003f003fu);
    v = (v & 0x0fff00000fff0000u) >> 4 | (v & 0x00000fff00000fffu);
    *bits = (v & 0x00ffffff00000000u) >> 8 | (v & 0x0000000000ffffffu);
    return odd == 0 && in == top;
}

/* By hand and not by libsodium, whose decoder takes 80 instructions a character: every verb reads a token. RFC 4648,
 * section 5; bits that stand for nothing must be 0. */
int secret_unbase64url(struct text t, void *into, size_t into_max)
{
    uint8_t *to = into, piece[8];
    size_t bytes = t.bytes / 4 * 3 + t.bytes % 4 * 3 / 4;
    bool good = t.bytes % 4 != 1 && bytes <= into_max;
    uint64_t word, bits;

    for (size_t k = 0, done = 0; good && k < t.bytes; k += 8) {
        size_t chars = t.bytes - k < 8 ? t.bytes - k : 8, got = bytes - done < 6 ? bytes - done : 6;
        memset(&word, 'A', sizeof word);
        memcpy(&word, t.at + k, chars);
        good = secret_eight(be64toh(word), &bits);
        word = htobe64(bits << 16);
        memcpy(piece, &word, sizeof piece);
        memcpy(to + done, piece, got);
        done += got;
        for (; got < 6; got++)
            good = good && piece[got] == 0;
    }
    return good ? (int)bytes : -1;
}

void secret_wipe(void *p, size_t bytes)
{
    sodium_memzero(p, bytes);
}
