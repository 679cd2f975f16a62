/* net/tls.c - the TLS configuration of all listeners, and the one of links */
#include "net/tls.h"
#include "base/log.h"
#include <openssl/err.h>
#include <openssl/ssl.h>

static const unsigned char protocols[] = "\x02h2\x08http/1.1"; /* in our order */
enum { LINK_PROTOCOLS_BYTES = 3 }; /* h2 alone */

/* RFC 7301 3.2: no overlap is a fatal alert. A client without ALPN never gets here, and speaks HTTP/1.1. */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_bytes, const unsigned char *in,
                   unsigned in_bytes, void *ctx)
{
    unsigned char *chosen = NULL;
    int found = SSL_select_next_proto(&chosen, out_bytes, protocols, sizeof(protocols) - 1, in, in_bytes);

    (void)ssl;
    (void)ctx;
    *out = chosen;
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static bool configure(SSL_CTX *t)
{
    static const unsigned char name[] = "posthorn";

    SSL_CTX_set_options(t, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                               SSL_OP_PRIORITIZE_CHACHA | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(t, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                            SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(t, SSL_SESS_CACHE_OFF); /* tickets hold the state */
    SSL_CTX_set_alpn_select_cb(t, on_alpn, NULL);
    return SSL_CTX_set_min_proto_version(t, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(t, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1 && /* RFC 9113 9.2.2 */
           SSL_CTX_set_num_tickets(t, 1) == 1 && SSL_CTX_set_max_early_data(t, 0) == 1 &&
           SSL_CTX_set_session_id_context(t, name, sizeof(name) - 1) == 1;
}

enum err tls_new(const char *certificate, const char *key, SSL_CTX **into)
{
    SSL_CTX *t = SSL_CTX_new(TLS_server_method());
    char why[256], quoted[512];

    CHECK(t && configure(t));
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(t, certificate) == 1 &&
        SSL_CTX_use_PrivateKey_file(t, key, SSL_FILETYPE_PEM) == 1 && SSL_CTX_check_private_key(t) == 1) {
        *into = t;
        return ERR_OK;
    }
    ERR_error_string_n(ERR_get_error(), why, sizeof(why));
    log_line(LOG_ERROR, "net.tls.refused", "certificate=%s", log_quoted(quoted, sizeof(quoted), certificate));
    log_line(LOG_ERROR, "net.tls.refused", "key=%s", log_quoted(quoted, sizeof(quoted), key));
    log_line(LOG_ERROR, "net.tls.refused", "why=%s", log_quoted(quoted, sizeof(quoted), why));
    ERR_clear_error();
    SSL_CTX_free(t);
    return ERR_BAD_REQUEST;
}

/* RFC 7301 3.2, as above; links speak nothing but HTTP/2. */
static int on_link_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_bytes,
                        const unsigned char *in, unsigned in_bytes, void *ctx)
{
    unsigned char *chosen = NULL;
    int found = SSL_select_next_proto(&chosen, out_bytes, protocols, LINK_PROTOCOLS_BYTES, in, in_bytes);

    (void)ssl;
    (void)ctx;
    *out = chosen;
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static bool configure_link(SSL_CTX *t)
{
    SSL_CTX_set_options(t, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                               SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(t, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(t, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_alpn_select_cb(t, on_link_alpn, NULL);
    SSL_CTX_set_verify(t, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_verify_depth(t, 2);
    return SSL_CTX_set_min_proto_version(t, TLS1_3_VERSION) == 1 && SSL_CTX_set_num_tickets(t, 0) == 1 &&
           SSL_CTX_set_alpn_protos(t, protocols, LINK_PROTOCOLS_BYTES) == 0;
}

enum err tls_new_link(const char *directory, SSL_CTX **into)
{
    SSL_CTX *t = SSL_CTX_new(TLS_method());
    char ca[1024], certificate[1024], key[1024], why[256], quoted[512];

    CHECK(t && configure_link(t));
    snprintf(ca, sizeof(ca), "%s/ca.pem", directory);
    snprintf(certificate, sizeof(certificate), "%s/node.pem", directory);
    snprintf(key, sizeof(key), "%s/node.key", directory);
    ERR_clear_error();
    if (SSL_CTX_load_verify_file(t, ca) == 1 && SSL_CTX_use_certificate_chain_file(t, certificate) == 1 &&
        SSL_CTX_use_PrivateKey_file(t, key, SSL_FILETYPE_PEM) == 1 && SSL_CTX_check_private_key(t) == 1) {
        *into = t;
        return ERR_OK;
    }
    ERR_error_string_n(ERR_get_error(), why, sizeof(why));
    log_line(LOG_ERROR, "net.tls.link_refused", "directory=%s",
             log_quoted(quoted, sizeof(quoted), directory));
    log_line(LOG_ERROR, "net.tls.link_refused", "why=%s", log_quoted(quoted, sizeof(quoted), why));
    ERR_clear_error();
    SSL_CTX_free(t);
    return ERR_BAD_REQUEST;
}

void tls_free(SSL_CTX **t)
{
    SSL_CTX_free(*t);
    *t = NULL;
}
