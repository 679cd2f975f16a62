/* unit/net/authority.c - a cluster's certificates, made for a test */
#include "authority.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
/* after stdlib.h, which with _FORTIFY_SOURCE wants the system's limits.h and gets ours by way of OpenSSL's quotes */
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

struct authority {
    X509 *certificate;
    EVP_PKEY *key;
    long serial;
};

enum { DAY_S = 24 * 60 * 60 };

static X509 *make(EVP_PKEY *key, const char *name, long serial)
{
    X509 *c = X509_new();

    assert_true(c && X509_set_version(c, X509_VERSION_3) == 1);
    ASN1_INTEGER_set(X509_get_serialNumber(c), serial);
    X509_gmtime_adj(X509_getm_notBefore(c), -DAY_S);
    X509_gmtime_adj(X509_getm_notAfter(c), DAY_S);
    assert_int_equal(X509_set_pubkey(c, key), 1);
    assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_ASC,
                                                (const unsigned char *)name, -1, -1, 0),
                     1);
    return c;
}

struct authority *authority_new(void)
{
    struct authority *a = calloc(1, sizeof(*a));
    X509_EXTENSION *is_ca;

    assert_non_null(a);
    a->key = EVP_EC_gen("P-256");
    assert_non_null(a->key);
    a->certificate = make(a->key, "Posthorn cluster", 1);
    is_ca = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:TRUE");
    X509_add_ext(a->certificate, is_ca, -1);
    X509_EXTENSION_free(is_ca);
    X509_set_issuer_name(a->certificate, X509_get_subject_name(a->certificate));
    assert_true(X509_sign(a->certificate, a->key, EVP_sha256()) > 0);
    a->serial = 1;
    return a;
}

void authority_free(struct authority **a)
{
    X509_free((*a)->certificate);
    EVP_PKEY_free((*a)->key);
    free(*a);
    *a = NULL;
}

static void write_pem(const char *directory, const char *name, X509 *certificate, EVP_PKEY *key)
{
    char path[512];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    f = fopen(path, "w");
    assert_non_null(f);
    if (key)
        assert_int_equal(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
    else
        assert_int_equal(PEM_write_X509(f, certificate), 1);
    fclose(f);
}

void authority_write(struct authority *by, struct authority *trusted, const char *directory, const char *node)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *c = make(key, node, ++by->serial);

    X509_set_issuer_name(c, X509_get_subject_name(by->certificate));
    assert_true(X509_sign(c, by->key, EVP_sha256()) > 0);
    mkdir(directory, 0700);
    write_pem(directory, "ca.pem", trusted->certificate, NULL);
    write_pem(directory, "node.pem", c, NULL);
    write_pem(directory, "node.key", NULL, key);
    X509_free(c);
    EVP_PKEY_free(key);
}

void authority_remove(const char *directory)
{
    static const char *const names[] = { "ca.pem", "node.pem", "node.key" };
    char path[512];

    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
        unlink(path);
    }
    rmdir(directory);
}
