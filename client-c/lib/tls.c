/* lib/tls.c - what makes a TLS connection trustworthy: certificates, names, ALPN */
#include "lib/tls.h"
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

SSL_CTX *tls_context(const char *ca_file, char *why, size_t why_bytes)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (!context)
        abort();
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(context, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    int loaded =
        ca_file ? SSL_CTX_load_verify_file(context, ca_file) : SSL_CTX_set_default_verify_paths(context);
    if (loaded != 1) {
        snprintf(why, why_bytes, "can't read certificates from %s", ca_file ? ca_file : "the system's store");
        SSL_CTX_free(context);
        ERR_clear_error();
        return NULL;
    }
    return context;
}

SSL *tls_session(SSL_CTX *context, const char *host, bool offers_h2)
{
    static const unsigned char both[] = "\2h2\10http/1.1", one[] = "\10http/1.1";
    SSL *ssl = SSL_new(context);
    BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
    if (!ssl || !in || !out)
        abort();
    SSL_set_bio(ssl, in, out);
    SSL_set_connect_state(ssl);
    unsigned char address[sizeof(struct in6_addr)];
    bool is_address = inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
    if (is_address) {
        CHECK(X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1);
    } else {
        CHECK(SSL_set1_host(ssl, host) == 1);
        SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        CHECK(SSL_set_tlsext_host_name(ssl, host) == 1);
    }
    const unsigned char *names = offers_h2 ? both : one;
    unsigned bytes = offers_h2 ? (unsigned)sizeof both - 1 : (unsigned)sizeof one - 1;
    CHECK(SSL_set_alpn_protos(ssl, names, bytes) == 0);
    return ssl;
}

/* A certificate that is good for somebody else is how networks that read along are seen. */
static const char *who_may_it_be(long verdict)
{
    switch (verdict) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return " (a captive portal, or the wrong address)";
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        return " (a network that reads along, or an issuer that this machine does not know)";
    default:
        return "";
    }
}

void tls_reason(const SSL *ssl, char *why, size_t why_bytes)
{
    long verdict = SSL_get_verify_result(ssl);
    unsigned long error = ERR_peek_last_error();
    int reason = ERR_GET_REASON(error);
    if (verdict != X509_V_OK)
        snprintf(why, why_bytes, "the server's certificate is not trusted: %s%s",
                 X509_verify_cert_error_string(verdict), who_may_it_be(verdict));
    else if (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_PACKET_LENGTH_TOO_LONG)
        snprintf(why, why_bytes, "what answers does not speak TLS: a captive portal, or the wrong port");
    else
        snprintf(why, why_bytes, "TLS failed: %s",
                 error ? ERR_reason_error_string(error) : "the connection was closed in its handshake");
    ERR_clear_error();
}
