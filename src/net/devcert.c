/* net/devcert.c - a certificate authority and a certificate for machines that have none
 *
 * Two processes may start at once: a lock on the directory makes the second one find what the first one made.
 * Every file appears whole, by rename.
 */
#include "net/devcert.h"
#include "base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    DAY_S = 24 * 60 * 60,
    CA_DAYS = 3650,
    LEAF_DAYS = 90,
    RENEW_DAYS = 30,
    PATH_BYTES = 1024,
};

struct pair {
    X509 *certificate;
    EVP_PKEY *key;
};

static void pair_free(struct pair *p)
{
    X509_free(p->certificate);
    EVP_PKEY_free(p->key);
    *p = (struct pair){ 0 };
}

static void path_of(char into[static PATH_BYTES], const char *directory, const char *name)
{
    int n = snprintf(into, PATH_BYTES, "%s/%s", directory, name);

    CHECK(n > 0 && n < PATH_BYTES); /* a setting is shorter */
}

static bool pair_read(struct pair *p, const char *directory, const char *certificate, const char *key)
{
    char path[PATH_BYTES];
    FILE *f;

    *p = (struct pair){ 0 };
    path_of(path, directory, certificate);
    if ((f = fopen(path, "re"))) {
        p->certificate = PEM_read_X509(f, NULL, NULL, NULL);
        fclose(f);
    }
    path_of(path, directory, key);
    if ((f = fopen(path, "re"))) {
        p->key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
        fclose(f);
    }
    return p->certificate && p->key && X509_check_private_key(p->certificate, p->key) == 1;
}

/* Writes certificate or key under a temporary name, then renames. */
static bool pem_write(const char *directory, const char *name, const struct pair *p, bool is_key)
{
    char path[PATH_BYTES], temporary[PATH_BYTES];
    int fd;
    FILE *f;
    bool ok;

    path_of(path, directory, name);
    path_of(temporary, directory, "new.pem");
    unlink(temporary);
    fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, is_key ? 0600 : 0644);
    f = fd < 0 ? NULL : fdopen(fd, "w");
    if (!f)
        return false;
    if (is_key)
        ok = PEM_write_PrivateKey(f, p->key, NULL, NULL, 0, NULL, NULL) == 1;
    else
        ok = PEM_write_X509(f, p->certificate) == 1;
    ok = fflush(f) == 0 && ok;
    fclose(f);
    return ok && rename(temporary, path) == 0;
}

static bool add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *extension;
    bool ok;

    X509V3_set_ctx(&ctx, issuer, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    ok = extension && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return ok;
}

static bool set_serial(X509 *certificate)
{
    unsigned char random[16];
    BIGNUM *n;
    bool ok;

    if (RAND_bytes(random, sizeof(random)) != 1)
        return false;
    random[0] &= 0x7f;
    n = BN_bin2bn(random, sizeof(random), NULL);
    ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(certificate));
    BN_free(n);
    return ok;
}

/* What authority and leaf have in common; not signed yet. */
static bool pair_begin(struct pair *p, const char *common_name, uint64_t unix_s, int days)
{
    X509_NAME *name;
    time_t from = (time_t)(unix_s - DAY_S), to = (time_t)unix_s + (time_t)days * DAY_S;

    p->key = EVP_EC_gen("P-256");
    p->certificate = X509_new();
    if (!p->key || !p->certificate)
        return false;
    name = X509_get_subject_name(p->certificate);
    return X509_set_version(p->certificate, X509_VERSION_3) == 1 && set_serial(p->certificate) &&
           ASN1_TIME_set(X509_getm_notBefore(p->certificate), from) &&
           ASN1_TIME_set(X509_getm_notAfter(p->certificate), to) &&
           X509_set_pubkey(p->certificate, p->key) == 1 &&
           X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, (const unsigned char *)"Posthorn development",
                                      -1, -1, 0) == 1 &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)common_name, -1, -1,
                                      0) == 1;
}

static bool authority_make(struct pair *ca, uint64_t unix_s)
{
    return pair_begin(ca, "Posthorn development CA", unix_s, CA_DAYS) &&
           X509_set_issuer_name(ca->certificate, X509_get_subject_name(ca->certificate)) == 1 &&
           add_extension(ca->certificate, ca->certificate, NID_basic_constraints,
                         "critical,CA:TRUE,pathlen:0") &&
           add_extension(ca->certificate, ca->certificate, NID_key_usage, "critical,keyCertSign,cRLSign") &&
           add_extension(ca->certificate, ca->certificate, NID_subject_key_identifier, "hash") &&
           X509_sign(ca->certificate, ca->key, EVP_sha256()) > 0;
}

/* This host's name, when it is one that can stand in a certificate. */
static const char *host_name(char into[static 65])
{
    if (gethostname(into, 65) != 0)
        return NULL;
    into[64] = 0;
    if (into[0] == 0 ||
        strspn(into, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") != strlen(into))
        return NULL;
    return into;
}

static bool leaf_make(struct pair *leaf, const struct pair *ca, uint64_t unix_s)
{
    char host[65], names[160];
    const char *own = host_name(host);

    snprintf(names, sizeof(names), "DNS:localhost,IP:127.0.0.1,IP:::1%s%s", own ? ",DNS:" : "",
             own ? own : "");
    return pair_begin(leaf, "localhost", unix_s, LEAF_DAYS) &&
           X509_set_issuer_name(leaf->certificate, X509_get_subject_name(ca->certificate)) == 1 &&
           add_extension(leaf->certificate, ca->certificate, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(leaf->certificate, ca->certificate, NID_key_usage, "critical,digitalSignature") &&
           add_extension(leaf->certificate, ca->certificate, NID_ext_key_usage, "serverAuth") &&
           add_extension(leaf->certificate, ca->certificate, NID_subject_key_identifier, "hash") &&
           add_extension(leaf->certificate, ca->certificate, NID_authority_key_identifier, "keyid:always") &&
           add_extension(leaf->certificate, ca->certificate, NID_subject_alt_name, names) &&
           X509_sign(leaf->certificate, ca->key, EVP_sha256()) > 0;
}

/* Good for days more, and begun. */
static bool is_good(const X509 *certificate, uint64_t unix_s, int days)
{
    time_t now = (time_t)unix_s, then = now + (time_t)days * DAY_S;

    return X509_cmp_time(X509_get0_notBefore(certificate), &now) < 0 &&
           X509_cmp_time(X509_get0_notAfter(certificate), &then) > 0;
}

/* The leaf is this authority's, and names this host. */
static bool leaf_fits(const struct pair *leaf, const struct pair *ca, uint64_t unix_s)
{
    char host[65];
    const char *own = host_name(host);

    return is_good(leaf->certificate, unix_s, RENEW_DAYS) && X509_verify(leaf->certificate, ca->key) == 1 &&
           (!own || X509_check_host(leaf->certificate, own, 0, 0, NULL) == 1);
}

static bool make_all(const char *directory, uint64_t unix_s)
{
    struct pair ca, leaf = { 0 };
    bool ok = true;

    if (!pair_read(&ca, directory, "ca.pem", "ca-key.pem") || !is_good(ca.certificate, unix_s, LEAF_DAYS)) {
        pair_free(&ca);
        ok = authority_make(&ca, unix_s) && pem_write(directory, "ca-key.pem", &ca, true) &&
             pem_write(directory, "ca.pem", &ca, false);
    }
    if (ok && (!pair_read(&leaf, directory, "cert.pem", "key.pem") || !leaf_fits(&leaf, &ca, unix_s))) {
        pair_free(&leaf);
        ok = leaf_make(&leaf, &ca, unix_s) && pem_write(directory, "key.pem", &leaf, true) &&
             pem_write(directory, "cert.pem", &leaf, false);
    }
    pair_free(&ca);
    pair_free(&leaf);
    ERR_clear_error();
    return ok;
}

/* mkdir -p */
static bool make_directory(const char *directory)
{
    char path[PATH_BYTES];

    path_of(path, directory, "");
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (mkdir(path, 0755) != 0 && errno != EEXIST)
            return false;
        *slash = '/';
    }
    return true;
}

enum err devcert_make(const char *directory, uint64_t unix_s)
{
    char quoted[512];
    int lock = -1;
    bool ok = make_directory(directory);

    if (ok)
        lock = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ok = ok && lock >= 0 && flock(lock, LOCK_EX) == 0 && make_all(directory, unix_s);
    if (!ok)
        log_line(LOG_ERROR, "net.devcert.failed", "errno=%d directory=%s", errno,
                 log_quoted(quoted, sizeof(quoted), directory));
    if (lock >= 0)
        close(lock);
    return ok ? ERR_OK : ERR_BAD_REQUEST;
}
