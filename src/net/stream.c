/* net/stream.c - the bytes of one connection, in the clear or under TLS
 *
 * One write a flush: what comes in parts is sent by one writev(), or gathered into whole TLS records. A buffer
 * exists only between a refused write and the socket's recovery.
 */
#include "net/stream.h"
#include "base/check.h"
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HOST_BYTES = 256 };

/* What the loop is to watch follows from the state, always through here. */
static void watch(struct stream *s)
{
    unsigned what = s->is_paused ? 0 : LOOP_READ;

    if (s->pending_bytes || s->wants_write)
        what |= LOOP_WRITE;
    if (s->is_open && what != s->io.wants)
        loop_io_want(&s->io, what);
}

void stream_init(struct stream *s, struct loop *l, int fd, SSL_CTX *tls, loop_io_fn *fn, void *ctx)
{
    *s = (struct stream){ .is_open = true };
    if (tls) {
        s->ssl = SSL_new(tls);
        CHECK(s->ssl && SSL_set_fd(s->ssl, fd) == 1);
        SSL_set_accept_state(s->ssl);
    }
    loop_io_init(&s->io, l, fd, fn, ctx);
    watch(s);
}

void stream_init_dialled(struct stream *s, struct loop *l, int fd, SSL_CTX *tls, loop_io_fn *fn, void *ctx)
{
    stream_init(s, l, fd, tls, fn, ctx);
    if (s->ssl)
        SSL_set_connect_state(s->ssl);
}

void stream_fini(struct stream *s)
{
    if (!s->is_open)
        return;
    s->is_open = false;
    loop_io_fini(&s->io);
    SSL_free(s->ssl);
    close(s->io.fd);
    free(s->pending);
    s->ssl = NULL;
    s->pending = NULL;
    s->pending_bytes = s->pending_room = 0;
}

/* How a call of OpenSSL that did not succeed ended. */
static enum stream_result tls_result(struct stream *s, int returned)
{
    int error = SSL_get_error(s->ssl, returned);

    if (error == SSL_ERROR_WANT_READ)
        return STREAM_AGAIN;
    if (error == SSL_ERROR_WANT_WRITE) {
        s->wants_write = true;
        return STREAM_AGAIN;
    }
    return error == SSL_ERROR_ZERO_RETURN ? STREAM_EOF : STREAM_FAILED;
}

enum stream_result stream_handshake(struct stream *s)
{
    enum stream_result result = STREAM_OK;
    int r;

    if (!s->ssl)
        return STREAM_OK;
    ERR_clear_error();
    s->wants_write = false;
    r = SSL_do_handshake(s->ssl);
    if (r != 1)
        result = tls_result(s, r);
    ERR_clear_error();
    watch(s);
    return result == STREAM_EOF ? STREAM_FAILED : result;
}

struct text stream_protocol(const struct stream *s)
{
    const unsigned char *at = NULL;
    unsigned bytes = 0;

    if (s->ssl)
        SSL_get0_alpn_selected(s->ssl, &at, &bytes);
    if (text_equal((struct text){ (const char *)at, bytes }, TEXT("h2")))
        return TEXT("h2");
    return bytes ? TEXT("http/1.1") : TEXT("");
}

enum stream_result stream_read_below(struct stream *s, void *into, size_t room, size_t *bytes)
{
    ssize_t r = read(s->io.fd, into, room);

    if (r > 0) {
        *bytes = (size_t)r;
        return STREAM_OK;
    }
    if (r == 0)
        return STREAM_EOF;
    return errno == EAGAIN || errno == EINTR ? STREAM_AGAIN : STREAM_FAILED;
}

enum stream_result stream_read(struct stream *s, char *into, size_t *bytes)
{
    enum stream_result result = STREAM_OK;
    int r;

    *bytes = 0;
    if (!s->ssl)
        return stream_read_below(s, into, STREAM_CHUNK_BYTES, bytes);
    ERR_clear_error();
    r = SSL_read(s->ssl, into, STREAM_CHUNK_BYTES);
    if (r > 0)
        *bytes = (size_t)r;
    else
        result = tls_result(s, r);
    ERR_clear_error();
    watch(s);
    return result;
}

/* Sends one contiguous piece: *sent of it went out. OK: all of it. */
static enum stream_result send_piece(struct stream *s, const char *at, size_t bytes, size_t *sent)
{
    enum stream_result result = STREAM_OK;

    *sent = 0;
    ERR_clear_error();
    while (*sent < bytes && result == STREAM_OK) {
        size_t rest = bytes - *sent;
        size_t piece = rest < STREAM_CHUNK_BYTES ? rest : STREAM_CHUNK_BYTES;
        int r = SSL_write(s->ssl, at + *sent, (int)piece);

        if (r > 0)
            *sent += (size_t)r;
        else
            result = tls_result(s, r);
    }
    ERR_clear_error();
    return result == STREAM_EOF ? STREAM_FAILED : result;
}

static void keep(struct stream *s, const char *at, size_t bytes)
{
    if (s->pending_at && s->pending_at + s->pending_bytes + bytes > s->pending_room) {
        memmove(s->pending, s->pending + s->pending_at, s->pending_bytes);
        s->pending_at = 0;
    }
    if (s->pending_bytes + bytes > s->pending_room) {
        CHECK(bytes < UINT32_MAX - s->pending_bytes);
        s->pending_room = s->pending_bytes + (uint32_t)bytes;
        s->pending = realloc(s->pending, s->pending_room);
        CHECK(s->pending);
    }
    memcpy(s->pending + s->pending_at + s->pending_bytes, at, bytes);
    s->pending_bytes += (uint32_t)bytes;
}

/* Keeps what lies behind the first sent bytes of the parts. */
static void keep_rest(struct stream *s, const struct iovec *parts, int count, size_t sent)
{
    for (int i = 0; i < count; i++) {
        size_t skip = sent < parts[i].iov_len ? sent : parts[i].iov_len;

        sent -= skip;
        if (skip < parts[i].iov_len)
            keep(s, (const char *)parts[i].iov_base + skip, parts[i].iov_len - skip);
    }
}

static enum stream_result plain_offer(struct stream *s, const struct iovec *parts, int count, size_t *taken)
{
    ssize_t r = writev(s->io.fd, parts, count);

    if (r < 0 && errno != EAGAIN && errno != EINTR)
        return STREAM_FAILED;
    *taken = r > 0 ? (size_t)r : 0;
    return STREAM_OK;
}

/* Fills a record with what lies behind the first skip bytes of the parts; returns its bytes. */
static size_t gather(const struct iovec *parts, int count, size_t skip,
                     char record[static STREAM_CHUNK_BYTES])
{
    size_t filled = 0;

    for (int i = 0; i < count && filled < STREAM_CHUNK_BYTES; i++) {
        size_t skipped = skip < parts[i].iov_len ? skip : parts[i].iov_len;
        size_t bytes = parts[i].iov_len - skipped, room = STREAM_CHUNK_BYTES - filled;

        skip -= skipped;
        bytes = bytes < room ? bytes : room;
        if (bytes)
            memcpy(record + filled, (const char *)parts[i].iov_base + skipped, bytes);
        filled += bytes;
    }
    return filled;
}

/* Small parts share a record: head and body of an answer cost one, not two. A record that OpenSSL has begun with
 * must be offered again as it is, so it is kept and counts as taken. */
static enum stream_result tls_offer(struct stream *s, const struct iovec *parts, int count, size_t *taken)
{
    char record[STREAM_CHUNK_BYTES];
    size_t filled, sent = 0;
    enum stream_result result = STREAM_OK;

    while (result == STREAM_OK && (filled = gather(parts, count, *taken, record)) > 0) {
        result = send_piece(s, record, filled, &sent);
        *taken += filled;
    }
    if (result == STREAM_AGAIN)
        keep(s, record + sent, filled - sent);
    return result == STREAM_FAILED ? STREAM_FAILED : STREAM_OK;
}

enum stream_result stream_write(struct stream *s, const struct iovec *parts, int count)
{
    enum stream_result result = STREAM_OK;

    size_t taken = 0;

    if (!s->pending_bytes) /* order; and OpenSSL wants the same bytes again first */
        result = s->ssl ? tls_offer(s, parts, count, &taken) : plain_offer(s, parts, count, &taken);
    if (result == STREAM_OK)
        keep_rest(s, parts, count, taken);
    watch(s);
    return result;
}

enum stream_result stream_offer(struct stream *s, const struct iovec *parts, int count, size_t keep_bytes,
                                size_t *taken)
{
    enum stream_result result;
    size_t total = 0;

    CHECK(!s->pending_bytes);
    *taken = 0;
    s->wants_write = false;
    result = s->ssl ? tls_offer(s, parts, count, taken) : plain_offer(s, parts, count, taken);
    for (int i = 0; i < count; i++) {
        size_t end = total + parts[i].iov_len, from = *taken > total ? *taken : total;

        if (result == STREAM_OK && from < end && end <= keep_bytes) {
            keep(s, (const char *)parts[i].iov_base + (from - total), end - from);
            *taken = end;
        }
        total = end;
    }
    if (*taken < total)
        s->wants_write = true;
    watch(s);
    return result;
}

enum stream_result stream_drain(struct stream *s)
{
    enum stream_result result = STREAM_OK;
    const char *at = s->pending + s->pending_at;
    size_t sent = 0;

    s->wants_write = false;
    if (s->pending_bytes && s->ssl) {
        result = send_piece(s, at, s->pending_bytes, &sent);
    } else if (s->pending_bytes) {
        ssize_t r = write(s->io.fd, at, s->pending_bytes);

        if (r < 0 && errno != EAGAIN && errno != EINTR)
            result = STREAM_FAILED;
        sent = r > 0 ? (size_t)r : 0;
    }
    s->pending_at += (uint32_t)sent;
    s->pending_bytes -= (uint32_t)sent;
    if (s->pending_bytes == 0) {
        free(s->pending);
        s->pending = NULL;
        s->pending_at = s->pending_room = 0;
    }
    watch(s);
    if (result == STREAM_FAILED)
        return result;
    return s->pending_bytes ? STREAM_AGAIN : STREAM_OK;
}

/* The name without its port, ended by 0; empty: it is too long, or none. */
static void host_of(struct text authority, char into[static HOST_BYTES])
{
    const char *at = authority.at, *end = at + authority.bytes, *colon = NULL;
    bool is_v6 = authority.bytes && *at == '[';

    for (const char *p = at; p < end; p++)
        if (is_v6 ? *p == ']' : *p == ':')
            colon = p;
    at += is_v6;
    end = colon ? colon : end;
    into[0] = 0;
    if (at >= end || (size_t)(end - at) >= HOST_BYTES)
        return;
    memcpy(into, at, (size_t)(end - at));
    into[end - at] = 0;
}

static bool certificate_names(SSL *ssl, const char *host)
{
    X509 *certificate = SSL_get_certificate(ssl);
    bool names = certificate && (X509_check_host(certificate, host, 0, 0, NULL) == 1 ||
                                 X509_check_ip_asc(certificate, host, 0) == 1);

    ERR_clear_error(); /* a name is no address */
    return names;
}

/* The address that the peer connected to, as text. */
static bool is_bound_to(int fd, const char *host)
{
    struct sockaddr_storage address = { 0 };
    socklen_t bytes = sizeof(address);
    char own[INET6_ADDRSTRLEN] = "";
    const char *v4 = own;

    if (getsockname(fd, (struct sockaddr *)&address, &bytes) != 0)
        return false;
    if (address.ss_family == AF_INET6)
        inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&address)->sin6_addr, own, sizeof(own));
    else
        inet_ntop(AF_INET, &((struct sockaddr_in *)&address)->sin_addr, own, sizeof(own));
    if (strncmp(own, "::ffff:", 7) == 0)
        v4 += 7;
    return own[0] && (strcmp(host, own) == 0 || strcmp(host, v4) == 0);
}

bool stream_names(const struct stream *s, struct text authority)
{
    char host[HOST_BYTES];

    host_of(authority, host);
    if (!s->is_open || !host[0])
        return false;
    if (s->ssl)
        return certificate_names(s->ssl, host);
    return strcasecmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0 ||
           is_bound_to(s->io.fd, host);
}

void stream_peer_name(const struct stream *s, char *into, size_t room)
{
    X509 *certificate = s->ssl ? SSL_get0_peer_certificate(s->ssl) : NULL;

    if (!certificate ||
        X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, into, (int)room) < 0)
        into[0] = 0;
}

void stream_pause(struct stream *s, bool on)
{
    s->is_paused = on;
    watch(s);
}

void stream_say_end(struct stream *s)
{
    if (s->ssl) {
        ERR_clear_error();
        SSL_shutdown(s->ssl);
        ERR_clear_error();
        SSL_free(s->ssl);
        s->ssl = NULL;
    }
    shutdown(s->io.fd, SHUT_WR);
    s->is_paused = s->wants_write = false;
    watch(s);
}
