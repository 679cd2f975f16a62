/* fuzz/fuzz_client_websocket.c - any bytes as a server's WebSocket frames: bounds hold, and cuts do not matter */
#include "lib/check.h"
#include "lib/utf8.h"
#include "lib/websocket.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void note_text(void *context, const char *bytes, size_t count)
{
    CHECK(utf8_is_text(bytes, count) && bytes[count] == 0);
    buf_format(context, "text %zu ", count);
    buf_add(context, bytes, count);
}

static void note_ping(void *context, const char *bytes, size_t count)
{
    struct buf pong = { 0 };
    CHECK(count <= WEBSOCKET_CONTROL_MOST);
    websocket_write(&pong, WEBSOCKET_PONG, bytes, count);
    CHECK(pong.bytes == 6 + count);
    buf_fini(&pong);
    buf_format(context, "ping %zu ", count);
    buf_add(context, bytes, count);
}

static void note_closed(void *context, unsigned code, const char *reason)
{
    CHECK(code >= 1000 && code <= 4999 && strlen(reason) <= WEBSOCKET_CONTROL_MOST - 2);
    buf_format(context, "closed %u %s", code, reason);
}

static unsigned read_in_steps(const char *text, size_t count, size_t step, struct buf *log)
{
    static const struct websocket_events events = { note_text, note_ping, note_closed };
    struct websocket w = { 0 };
    bool is_good = true;
    for (size_t at = 0; at < count && is_good; at += step) {
        is_good = websocket_read(&w, text + at, count - at < step ? count - at : step, &events, log);
        CHECK(w.message.bytes <= WEBSOCKET_MESSAGE_MOST && w.control.bytes <= WEBSOCKET_CONTROL_MOST);
        CHECK(is_good == (w.broke == 0));
    }
    unsigned broke = w.broke;
    websocket_fini(&w);
    return broke;
}

/* The first byte is the size of the pieces. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct buf whole = { 0 }, cut = { 0 };
    if (count < 2)
        return 0;
    const char *text = (const char *)bytes + 1;
    unsigned broke = read_in_steps(text, count - 1, count, &whole);
    CHECK(read_in_steps(text, count - 1, (size_t)bytes[0] % 16 + 1, &cut) == broke);
    CHECK(whole.bytes == cut.bytes);
    CHECK(whole.bytes == 0 || memcmp(whole.at, cut.at, whole.bytes) == 0);
    buf_fini(&whole);
    buf_fini(&cut);
    return 0;
}
