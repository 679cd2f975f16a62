/* unit/net/test_devcert.c - the development certificate: made, kept, renewed, and good for a strict client */
#include "net/devcert.h"
#include "net/tls.h"
#include <ftw.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { DAY_S = 24 * 60 * 60 };

struct place {
    char root[64], directory[128];
    uint64_t now_s;
};

static int remove_one(const char *path, const struct stat *s, int kind, struct FTW *walk)
{
    (void)s;
    (void)kind;
    (void)walk;
    return remove(path);
}

static int set_up(void **state)
{
    struct place *p = calloc(1, sizeof(*p));

    snprintf(p->root, sizeof(p->root), "/tmp/posthorn-devcert-XXXXXX");
    assert_non_null(mkdtemp(p->root));
    snprintf(p->directory, sizeof(p->directory), "%s/a/tls", p->root);
    p->now_s = (uint64_t)time(NULL);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    struct place *p = *state;

    nftw(p->root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(p);
    return 0;
}

static const char *path_of(const struct place *p, const char *name)
{
    static char path[512]; /* of this test only */

    snprintf(path, sizeof(path), "%s/%s", p->directory, name);
    return path;
}

static X509 *read_certificate(const struct place *p, const char *name)
{
    FILE *f = fopen(path_of(p, name), "r");
    X509 *x;

    assert_non_null(f);
    x = PEM_read_X509(f, NULL, NULL, NULL);
    fclose(f);
    assert_non_null(x);
    return x;
}

static void assert_mode(const struct place *p, const char *name, mode_t mode)
{
    struct stat s;

    assert_int_equal(stat(path_of(p, name), &s), 0);
    assert_int_equal(s.st_mode & 0777, mode);
}

/* As a client would: the chain to the authority, and the name. */
static bool trusts(const struct place *p, const char *host, const char *ip)
{
    X509 *ca = read_certificate(p, "ca.pem"), *leaf = read_certificate(p, "cert.pem");
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    bool ok;

    X509_STORE_add_cert(store, ca);
    X509_STORE_CTX_init(ctx, store, leaf, NULL);
    X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(ctx), X509_V_FLAG_X509_STRICT);
    X509_VERIFY_PARAM_set_purpose(X509_STORE_CTX_get0_param(ctx), X509_PURPOSE_SSL_SERVER);
    if (host)
        X509_VERIFY_PARAM_set1_host(X509_STORE_CTX_get0_param(ctx), host, 0);
    if (ip)
        X509_VERIFY_PARAM_set1_ip_asc(X509_STORE_CTX_get0_param(ctx), ip);
    ok = X509_verify_cert(ctx) == 1;
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    X509_free(ca);
    X509_free(leaf);
    return ok;
}

static void test_made(void **state)
{
    struct place *p = *state;
    SSL_CTX *tls = NULL;
    char certificate[512], key[512], host[65];

    assert_int_equal(devcert_make(p->directory, p->now_s), ERR_OK);
    assert_mode(p, "ca.pem", 0644);
    assert_mode(p, "cert.pem", 0644);
    assert_mode(p, "ca-key.pem", 0600);
    assert_mode(p, "key.pem", 0600);
    assert_true(trusts(p, "localhost", NULL));
    assert_true(trusts(p, NULL, "127.0.0.1"));
    assert_true(trusts(p, NULL, "::1"));
    assert_false(trusts(p, "example.org", NULL));
    gethostname(host, sizeof(host));
    assert_true(trusts(p, host, NULL));
    snprintf(certificate, sizeof(certificate), "%s/cert.pem", p->directory);
    snprintf(key, sizeof(key), "%s/key.pem", p->directory);
    assert_int_equal(tls_new(certificate, key, &tls), ERR_OK);
    tls_free(&tls);
    assert_int_equal(tls_new(certificate, path_of(p, "ca-key.pem"), &tls), ERR_BAD_REQUEST);
    assert_int_equal(tls_new(certificate, path_of(p, "none.pem"), &tls), ERR_BAD_REQUEST);
    assert_null(tls);
}

static bool same(const struct place *p, const char *name, X509 *before)
{
    X509 *now = read_certificate(p, name);
    bool is_same = X509_cmp(now, before) == 0;

    X509_free(now);
    return is_same;
}

static void test_kept_and_renewed(void **state)
{
    struct place *p = *state;
    X509 *ca, *leaf;

    assert_int_equal(devcert_make(p->directory, p->now_s), ERR_OK);
    ca = read_certificate(p, "ca.pem");
    leaf = read_certificate(p, "cert.pem");
    assert_int_equal(devcert_make(p->directory, p->now_s + 59 * (uint64_t)DAY_S), ERR_OK);
    assert_true(same(p, "ca.pem", ca) && same(p, "cert.pem", leaf));
    assert_int_equal(devcert_make(p->directory, p->now_s + 61 * (uint64_t)DAY_S), ERR_OK);
    assert_true(same(p, "ca.pem", ca));
    assert_false(same(p, "cert.pem", leaf));
    assert_int_equal(unlink(path_of(p, "ca-key.pem")), 0);
    assert_int_equal(devcert_make(p->directory, p->now_s), ERR_OK);
    assert_false(same(p, "ca.pem", ca));
    assert_true(trusts(p, "localhost", NULL));
    X509_free(ca);
    X509_free(leaf);
}

static void test_broken_files_are_replaced(void **state)
{
    struct place *p = *state;
    FILE *f;

    assert_int_equal(devcert_make(p->directory, p->now_s), ERR_OK);
    f = fopen(path_of(p, "cert.pem"), "w");
    fputs("nonsense", f);
    fclose(f);
    assert_int_equal(devcert_make(p->directory, p->now_s), ERR_OK);
    assert_true(trusts(p, "localhost", NULL));
}

static void test_directory_that_can_not_be(void **state)
{
    struct place *p = *state;
    char path[256];
    FILE *f;

    snprintf(path, sizeof(path), "%s/file", p->root);
    f = fopen(path, "w");
    fclose(f);
    snprintf(path, sizeof(path), "%s/file/tls", p->root);
    assert_int_equal(devcert_make(path, p->now_s), ERR_BAD_REQUEST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_made, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_kept_and_renewed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_broken_files_are_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_directory_that_can_not_be, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
