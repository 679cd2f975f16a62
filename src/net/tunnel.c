/* net/tunnel.c - the input of a tunnel: what came early, what is paused, and the peer's end */
#include "net/tunnel.h"
#include "base/check.h"
#include "limits.h"
#include "net/conn.h"
#include <openssl/evp.h>
#include <stdlib.h>

/* RFC 6455 4.2.2: base64(SHA-1(key, this)). */
static const char magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
enum { SHA1_BYTES = 20 };

bool tunnel_key_is_good(struct text key)
{
    unsigned char bytes[TUNNEL_KEY_BYTES];

    if (key.bytes != TUNNEL_KEY_BYTES || memcmp(key.at + TUNNEL_KEY_BYTES - 2, "==", 2) != 0)
        return false;
    for (size_t i = 0; i < TUNNEL_KEY_BYTES - 2; i++) /* OpenSSL skips blanks at the ends */
        if (!((key.at[i] >= '0' && key.at[i] <= '9') || (key.at[i] >= 'A' && key.at[i] <= 'Z') ||
              (key.at[i] >= 'a' && key.at[i] <= 'z') || key.at[i] == '+' || key.at[i] == '/'))
            return false;
    return EVP_DecodeBlock(bytes, (const unsigned char *)key.at, TUNNEL_KEY_BYTES) == 18;
}

static void accept_key(struct text key, char into[static TUNNEL_ACCEPT_BYTES + 1])
{
    unsigned char both[TUNNEL_KEY_BYTES + sizeof(magic) - 1], digest[EVP_MAX_MD_SIZE];
    unsigned bytes = 0;

    CHECK(key.bytes == TUNNEL_KEY_BYTES);
    memcpy(both, key.at, key.bytes);
    memcpy(both + key.bytes, magic, sizeof(magic) - 1);
    CHECK(EVP_Digest(both, sizeof(both), digest, &bytes, EVP_sha1(), NULL) == 1 && bytes == SHA1_BYTES);
    CHECK(EVP_EncodeBlock((unsigned char *)into, digest, SHA1_BYTES) == TUNNEL_ACCEPT_BYTES);
}

void tunnel_new(struct exchange *x, struct text key)
{
    struct tunnel *t = calloc(1, sizeof(*t));

    CHECK(t && !x->tunnel);
    t->has_accept = key.bytes > 0;
    if (t->has_accept)
        accept_key(key, t->accept);
    else
        buf_init(&t->early, LIMIT_TUNNEL_EARLY_BYTES);
    x->tunnel = t;
    x->request->head.is_websocket = !x->conn || !x->conn->is_link;
}

void tunnel_free(struct tunnel **at)
{
    if (!*at)
        return;
    if (!(*at)->has_accept)
        buf_fini(&(*at)->early);
    free(*at);
    *at = NULL;
}

void tunnel_open(struct exchange *x)
{
    struct tunnel *t = x->tunnel;

    if (t->has_accept)
        buf_init(&t->early, LIMIT_TUNNEL_EARLY_BYTES);
    t->has_accept = false;
    t->is_open = true;
}

static bool is_taken(const struct exchange *x)
{
    return x->is_held && x->tunnel->input && !x->is_aborted && x->conn;
}

void tunnel_input(struct exchange *x, struct text bytes)
{
    struct tunnel *t = x->tunnel;

    if (is_taken(x) && t->is_open && t->early.bytes == 0)
        t->input(x, bytes, t->ctx);
    else if (x->is_held)
        buf_put_text(&t->early, bytes);
    CHECK(!t->early.overflowed); /* a window, or HTTP/1.1's own bound, sees to it */
}

static void tell_end(struct exchange *x)
{
    struct tunnel *t = x->tunnel;

    if (!t->has_ended || t->end_is_told || !t->is_open || t->early.bytes || !is_taken(x))
        return;
    t->end_is_told = true;
    t->input(x, (struct text){ NULL, 0 }, t->ctx);
}

void tunnel_input_end(struct exchange *x)
{
    x->tunnel->has_ended = true;
    tell_end(x);
}

void tunnel_resume(struct exchange *x)
{
    struct tunnel *t = x->tunnel;

    if (!t->is_open)
        return;
    if (t->early.bytes) {
        struct buf early = t->early;

        buf_init(&t->early, LIMIT_TUNNEL_EARLY_BYTES);
        if (is_taken(x))
            t->input(x, buf_text(&early), t->ctx);
        buf_fini(&early);
    }
    tell_end(x);
}
