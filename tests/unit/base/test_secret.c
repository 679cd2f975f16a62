/* unit/base/test_secret.c - passwords, tokens and their hashes */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "base/secret.h"
#include <cmocka.h>
#include <string.h>
#include <time.h>

static double cpu_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void a_password_is_itself_only(void **state)
{
    char a[SECRET_PASSWORD_HASH_MAX], b[SECRET_PASSWORD_HASH_MAX];

    (void)state;
    secret_password_hash(TEXT("correct horse"), a);
    secret_password_hash(TEXT("correct horse"), b);
    assert_string_not_equal(a, b);
    assert_ptr_equal(strstr(a, "$argon2id$v=19$m=65536,t=2,p=1$"), a);
    assert_true(secret_password_verify(TEXT("correct horse"), a));
    assert_false(secret_password_verify(TEXT("correct horsf"), a));
    assert_false(secret_password_verify(TEXT(""), a));
    assert_false(secret_password_verify(TEXT("correct horse"), "not a hash"));
}

/* The quickest of three: other programs only make it slower. */
static double verify_ms(const char *hash)
{
    double best = 1e9;

    for (int k = 0; k < 3; k++) {
        double start = cpu_ms();
        assert_false(secret_password_verify(TEXT("12345679"), hash));
        double took = cpu_ms() - start;
        best = took < best ? took : best;
    }
    return best;
}

static void nobody_takes_as_long_as_somebody(void **state)
{
    char hash[SECRET_PASSWORD_HASH_MAX];

    (void)state;
    secret_password_hash(TEXT("12345678"), hash);
    double somebody = verify_ms(hash), nobody = verify_ms(NULL);
    assert_true(nobody > somebody * 0.7 && nobody < somebody * 1.4);
}

static void hashes_are_blake2b(void **state)
{
    static const uint8_t abc[8] = { 0xbd, 0xdd, 0x81, 0x3c, 0x63, 0x42, 0x39, 0x72 };
    uint8_t hash[SECRET_HASH_BYTES], empty[SECRET_HASH_BYTES];

    (void)state;
    secret_hash(TEXT("abc"), hash);
    assert_memory_equal(hash, abc, sizeof abc);
    assert_true(secret_hash_u64(TEXT("abc")) == 0xbddd813c63423972u);
    secret_hash((struct text){ NULL, 0 }, empty);
    assert_false(secret_equal(hash, empty, sizeof hash));
    assert_true(secret_equal(hash, hash, sizeof hash));
}

static void base64url_there_and_back(void **state)
{
    unsigned char in[64], out[64];
    char text[100];

    (void)state;
    secret_random(in, sizeof in);
    for (size_t bytes = 0; bytes <= sizeof in; bytes++) {
        memset(text, 'x', sizeof text);
        secret_base64url(in, bytes, text);
        assert_int_equal(strlen(text), (bytes * 4 + 2) / 3);
        assert_int_equal(secret_unbase64url(text_of(text), out, bytes), (int)bytes);
        assert_memory_equal(in, out, bytes);
        if (bytes)
            assert_int_equal(secret_unbase64url(text_of(text), out, bytes - 1), -1);
    }
    secret_base64url("\xfb\xff\xfe", 3, text);
    assert_string_equal(text, "-__-");
    const char *const bad[] = { "+__-", "-/_-", "AA==", "A", "AA A", "AB", " AA", "AA\n" };
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
        assert_int_equal(secret_unbase64url(text_of(bad[k]), out, sizeof out), -1);
}

/* The alphabet, in its order, and no other byte. */
static void base64url_digits(void **state)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char out[3];

    (void)state;
    for (int c = 0; c < 256; c++) {
        char text[4] = { 'A', (char)c, 'A', 'A' };
        const char *at = c ? strchr(digits, c) : NULL;
        assert_int_equal(secret_unbase64url((struct text){ text, 4 }, out, 3), at ? 3 : -1);
        if (at)
            assert_int_equal(out[0] << 4 | out[1] >> 4, at - digits);
    }
}

static void randomness_and_forgetting(void **state)
{
    unsigned char a[32] = { 0 }, b[32] = { 0 };

    (void)state;
    secret_random(a, sizeof a);
    secret_random(b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
    assert_true(secret_random_u64() != secret_random_u64());
    secret_wipe(a, sizeof a);
    memset(b, 0, sizeof b);
    assert_memory_equal(a, b, sizeof a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_password_is_itself_only), cmocka_unit_test(nobody_takes_as_long_as_somebody),
        cmocka_unit_test(hashes_are_blake2b),        cmocka_unit_test(base64url_there_and_back),
        cmocka_unit_test(base64url_digits),          cmocka_unit_test(randomness_and_forgetting),
    };
    secret_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
