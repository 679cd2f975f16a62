/* net/stream.h - the bytes of one connection, in the clear or under TLS */
#pragma once
#include "base/loop.h"
#include "base/text.h"
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

typedef struct ssl_st SSL;
typedef struct ssl_ctx_st SSL_CTX;

enum stream_result {
    STREAM_OK,
    STREAM_AGAIN,                   /* nothing now: the loop will tell */
    STREAM_EOF,
    STREAM_FAILED,                  /* only closing is left */
};

/* Idle, it holds no buffer; bytes are kept only when the socket refused them. Must not move. */
struct stream {
    struct loop_io io;
    SSL *ssl;                       /* NULL in the clear */
    char *pending;                  /* what the socket refused */
    uint32_t pending_at, pending_bytes, pending_room;
    bool is_open, is_paused;
    bool wants_write;               /* TLS has something to say before it can go on */
};

enum { STREAM_CHUNK_BYTES = 16 * 1024 };    /* one TLS record: reading so much leaves nothing inside OpenSSL */

/* Takes over fd (closed at the end in any case). tls NULL: in the clear. fn is told when to read and write. */
void stream_init(struct stream *s, struct loop *l, int fd, SSL_CTX *tls, loop_io_fn *fn, void *ctx);
/* The same for the end that dials. */
void stream_init_dialled(struct stream *s, struct loop *l, int fd, SSL_CTX *tls, loop_io_fn *fn, void *ctx);
void stream_fini(struct stream *s);         /* closes; twice is fine */
/* OK: done. In the clear always OK. */
enum stream_result stream_handshake(struct stream *s);
/* The protocol that the handshake agreed on, static text; empty: none. */
struct text stream_protocol(const struct stream *s);
/* At most STREAM_CHUNK_BYTES into in; *bytes is set on OK. */
enum stream_result stream_read(struct stream *s, char *into, size_t *bytes);
/* The same, at most room bytes, from below TLS: before its handshake. */
enum stream_result stream_read_below(struct stream *s, void *into, size_t room, size_t *bytes);
/* Sends, and keeps what the socket does not take: OK or FAILED. The caller bounds what is kept by looking at
 * stream_pending(). */
enum stream_result stream_write(struct stream *s, const struct iovec *parts, int count);
/* Sends, but of what the socket does not take keeps only the first keep_bytes, and what TLS has begun with; *taken
 * is how much of the parts the caller is rid of. The loop tells when the socket takes more. Only when nothing is
 * kept. OK or FAILED. */
enum stream_result stream_offer(struct stream *s, const struct iovec *parts, int count, size_t keep_bytes,
                                size_t *taken);
/* Sends what is kept. OK: nothing is kept any more. */
enum stream_result stream_drain(struct stream *s);
static inline size_t stream_pending(const struct stream *s)
{
    return s->pending_bytes;
}
/* Whether we may speak for authority (host, or host:port): the certificate names it; in the clear, it is a name of
 * the loopback or the address that the socket is bound to. */
bool stream_names(const struct stream *s, struct text authority);
/* The common name in the peer's certificate, cut to fit, ended by 0; empty: it showed none. */
void stream_peer_name(const struct stream *s, char *into, size_t room);
/* Stops or goes on reading. */
void stream_pause(struct stream *s, bool on);
/* Says that no more comes; the peer's bytes are from here on read past TLS and only thrown away. */
void stream_say_end(struct stream *s);
