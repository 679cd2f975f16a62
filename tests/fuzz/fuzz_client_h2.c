/* fuzz/fuzz_client_h2.c - any frames as a server's HTTP/2: every exchange ends once or is still there, bounds hold */
#include "lib/check.h"
#include "lib/h2.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

enum { PROMISES_MOST = 8, HEAD_BYTES = 9 };

struct client {
    struct exchange_list open;
    unsigned promised_count, pushed_count, ended_count;
    bool is_over;
};

static bool is_open(const struct client *c, const struct exchange *x)
{
    const struct exchange *at;
    TAILQ_FOREACH(at, &c->open, entry)
    if (at == x)
        return true;
    return false;
}

static void ended(void *context, struct exchange *x)
{
    struct client *c = context;
    CHECK(is_open(c, x) && x->end != EXCHANGE_OPEN && x->stream == 0);
    CHECK(x->end != EXCHANGE_ANSWERED || (x->response.status >= 200 && x->response.status <= 999));
    CHECK(x->response.body.bytes <= EXCHANGE_ANSWER_MOST);
    TAILQ_REMOVE(&c->open, x, entry);
    c->ended_count++;
    exchange_free(&x); /* whoever touches it now is found out */
}

static void pushed(void *context, struct exchange *x)
{
    struct client *c = context;
    TAILQ_INSERT_TAIL(&c->open, x, entry);
    c->pushed_count++;
}

static bool promised(void *context, struct exchange *x)
{
    struct client *c = context;
    CHECK(strncmp(x->path, "/v1/events?", 11) == 0 && strcmp(x->method, "GET") == 0);
    return ++c->promised_count <= PROMISES_MOST;
}

static void piece(void *context, const char *bytes, size_t count)
{
    (void)context;
    CHECK(count == 0 || bytes);
}

static void begin(struct h2 *h, struct client *c, bool wants_tunnel, bool is_anchor)
{
    struct exchange *x = exchange_new("GET", "/v1/events?after=1.1", "secret", NULL);
    x->response.wants_tunnel = wants_tunnel;
    x->response.wants_pieces = wants_tunnel || is_anchor;
    x->response.piece = piece;
    x->promised = is_anchor ? promised : NULL;
    x->context = c;
    TAILQ_INSERT_TAIL(&c->open, x, entry);
    h2_begin(h, x);
}

static void write_all(struct h2 *h, struct client *c)
{
    struct buf out = { 0 };
    c->is_over |= !h2_write(h, &out, 1 << 20);
    buf_fini(&out);
}

/* A frame of the input: kind, flags, stream, length, payload. Answers what is left. */
static size_t read_frame(struct h2 *h, struct client *c, const uint8_t *at, size_t count)
{
    size_t length = at[3] < count - 4 ? at[3] : count - 4;
    char frame[HEAD_BYTES + 256] = { 0 };
    frame[2] = (char)length;
    frame[3] = (char)(at[0] % 12);
    frame[4] = (char)at[1];
    frame[8] = (char)(at[2] % 16);
    memcpy(frame + HEAD_BYTES, at + 4, length);
    c->is_over |= !h2_read(h, frame, HEAD_BYTES + length);
    write_all(h, c);
    return 4 + length;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    static const char settings[] = "\0\0\x06\x04\0\0\0\0\0\0\x08\0\0\0\x01"; /* tunnels may be opened */
    static const struct h2_events events = { ended, pushed };
    struct client c = { 0 };
    TAILQ_INIT(&c.open);
    struct h2 *h = h2_new("chat.example", true, true, &events, &c);
    c.is_over = !h2_read(h, settings, sizeof settings - 1);
    begin(h, &c, false, true); /* stream 1 */
    begin(h, &c, true, false); /* stream 3 */
    begin(h, &c, false, false); /* stream 5 */
    write_all(h, &c);
    for (size_t at = 0; count - at > 4 && !c.is_over;)
        at += read_frame(h, &c, bytes + at, count - at);
    CHECK(c.ended_count <= 3 + c.pushed_count && c.pushed_count <= PROMISES_MOST);
    struct exchange *x;
    while ((x = TAILQ_FIRST(&c.open))) {
        TAILQ_REMOVE(&c.open, x, entry);
        h2_cancel(h, x);
        exchange_free(&x);
    }
    if (!c.is_over)
        write_all(h, &c);
    h2_free(&h);
    return 0;
}
