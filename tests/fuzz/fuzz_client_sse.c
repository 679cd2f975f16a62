/* fuzz/fuzz_client_sse.c - any bytes as server-sent events: bounds hold, and cuts do not matter */
#include "lib/check.h"
#include "lib/sse.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void note(void *context, const char *type, const char *id, const char *data, size_t bytes)
{
    CHECK(!data || strlen(data) == bytes);
    CHECK(data || *id);
    buf_format(context, "%s|%s|%s\n", type, id, data ? data : "-");
}

static bool read_in_steps(const char *text, size_t count, size_t step, struct buf *log)
{
    static const struct sse_events events = { note };
    struct sse s = { 0 };
    bool is_good = true;
    for (size_t at = 0; at < count && is_good; at += step) {
        is_good = sse_read(&s, text + at, count - at < step ? count - at : step, &events, log);
        CHECK(s.line.bytes <= SSE_LINE_MOST && s.data.bytes <= SSE_DATA_MOST);
    }
    sse_fini(&s);
    return is_good;
}

/* The first byte is the size of the pieces. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct buf whole = { 0 }, cut = { 0 };
    if (count < 2)
        return 0;
    const char *text = (const char *)bytes + 1;
    bool is_good = read_in_steps(text, count - 1, count, &whole);
    CHECK(read_in_steps(text, count - 1, (size_t)bytes[0] % 16 + 1, &cut) == is_good);
    CHECK(whole.bytes == cut.bytes);
    CHECK(whole.bytes == 0 || memcmp(whole.at, cut.at, whole.bytes) == 0);
    buf_fini(&whole);
    buf_fini(&cut);
    return 0;
}
