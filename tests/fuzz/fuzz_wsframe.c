/* fuzz/fuzz_wsframe.c - WebSocket frames: whatever comes, in one piece or in small ones, says the same */
#include "limits.h"
#include "net/wsframe.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void check(bool ok)
{
    if (!ok)
        abort();
}

/* What was said, as a sum that every byte and every border of it changes. */
static void add(uint64_t *sum, const void *p, size_t bytes)
{
    const uint8_t *at = p;

    for (size_t i = 0; i < bytes; i++)
        *sum = (*sum ^ at[i]) * 1099511628211u;
}

static void look_at(const struct wsframe *f, const struct wsframe_event *e, uint64_t *sum)
{
    uint8_t what = (uint8_t)e->what;
    bool is_control = e->what >= WSFRAME_IS_PING && e->what <= WSFRAME_IS_CLOSE;
    struct utf8 utf8 = { 0 };

    check(e->payload.bytes <= (is_control ? (size_t)WSFRAME_CONTROL_BYTES : (size_t)LIMIT_SOCKET_BYTES));
    check(e->what != WSFRAME_IS_BINARY || f->takes_binary);
    if (e->what == WSFRAME_IS_TEXT || e->what == WSFRAME_IS_CLOSE)
        check(utf8_put(&utf8, e->payload) && utf8_is_whole(&utf8));
    if (e->what == WSFRAME_IS_CLOSE)
        check(e->code == WSFRAME_NO_CODE || wsframe_is_code(e->code));
    add(sum, &what, 1);
    add(sum, &e->code, sizeof(e->code));
    add(sum, &e->payload.bytes, sizeof(e->payload.bytes));
    add(sum, e->payload.at, e->payload.bytes);
}

static uint64_t read_all(const uint8_t *data, size_t bytes, size_t step, bool takes_binary)
{
    uint64_t sum = 14695981039346656037u;
    struct wsframe f;
    bool is_over = false;

    wsframe_init(&f, takes_binary);
    for (size_t begin = 0; begin < bytes; begin += step) {
        size_t most = bytes - begin < step ? bytes - begin : step, used = 0;
        char *copy = malloc(most); /* exactly as large: the sanitizer sees a step too far */

        memcpy(copy, data + begin, most);
        while (used < most) {
            struct wsframe_event e;
            size_t n = wsframe_read(&f, (struct text){ copy + used, most - used }, &e);

            check(n > 0 && n <= most - used);
            used += n;
            check(e.what != WSFRAME_IS_MORE || used == most);
            if (e.what == WSFRAME_IS_MORE)
                continue;
            check(!is_over);
            is_over = e.what == WSFRAME_IS_CLOSE || e.what == WSFRAME_IS_BAD;
            look_at(&f, &e, &sum);
        }
        wsframe_taken(&f);
        check(f.message_room <= LIMIT_SOCKET_BYTES && f.message_bytes <= f.message_room);
        check(f.fragments <= LIMIT_SOCKET_FRAGMENTS && (f.fragments || !f.message));
        free(copy);
    }
    wsframe_fini(&f);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    uint64_t whole;
    bool takes_binary;

    if (bytes < 2)
        return 0;
    takes_binary = data[0] & 1;
    whole = read_all(data + 1, bytes - 1, bytes, takes_binary);
    check(read_all(data + 1, bytes - 1, 1, takes_binary) == whole);
    check(read_all(data + 1, bytes - 1, 2u + (data[0] >> 1), takes_binary) == whole);
    return 0;
}
