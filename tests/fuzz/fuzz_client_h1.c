/* fuzz/fuzz_client_h1.c - any bytes as an HTTP/1.1 answer, cut anywhere: bounds hold, cuts do not matter */
#include "lib/check.h"
#include "lib/h1.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

struct outcome {
    enum h1_state state;
    size_t used;
    struct response response;
};

static struct outcome read_in_steps(const char *text, size_t count, size_t step)
{
    struct outcome o = { 0 };
    struct h1 h = { 0 };
    h1_begin(&h);
    while (o.used < count && h.state != H1_DONE && h.state != H1_BAD) {
        size_t part = count - o.used < step ? count - o.used : step;
        size_t used = h1_read(&h, &o.response, text + o.used, part);
        CHECK(used == part || h.state == H1_DONE || h.state == H1_BAD);
        o.used += used;
    }
    o.state = h.state;
    CHECK(o.response.body.bytes <= EXCHANGE_ANSWER_MOST);
    CHECK(h.line.bytes <= H1_LINE_MOST || h.state == H1_BAD);
    CHECK(o.state != H1_DONE || (o.response.status >= 200 && o.response.status <= 599));
    h1_closed(&h);
    CHECK(h.state == H1_DONE || h.state == H1_BAD);
    h1_fini(&h);
    return o;
}

/* The first byte is the size of the pieces. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    if (count < 2)
        return 0;
    const char *text = (const char *)bytes + 1;
    struct outcome whole = read_in_steps(text, count - 1, count);
    struct outcome cut = read_in_steps(text, count - 1, (size_t)bytes[0] % 16 + 1);
    CHECK(whole.state == cut.state);
    CHECK(whole.state != H1_DONE || whole.used == cut.used);
    CHECK(whole.state == H1_BAD || whole.response.status == cut.response.status);
    CHECK(whole.state == H1_BAD || whole.response.body.bytes == cut.response.body.bytes);
    CHECK(whole.state == H1_BAD || whole.response.body.bytes == 0 ||
          memcmp(whole.response.body.at, cut.response.body.at, whole.response.body.bytes) == 0);
    buf_fini(&whole.response.body);
    buf_fini(&cut.response.body);
    return 0;
}
