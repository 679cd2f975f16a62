/* fuzz/fuzz_h1.c - HTTP/1.1 heads and chunked bodies: whatever comes, in one piece or byte by byte */
#include "net/h1parse.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void check(bool ok)
{
    if (!ok)
        abort();
}

static bool is_inside(struct text t, const char *at, size_t bytes)
{
    return t.bytes == 0 || (t.at >= at && t.at + t.bytes <= at + bytes);
}

/* Bytes of the body, or -1: refused. */
static long decode(const char *at, size_t bytes, size_t step)
{
    struct h1parse_chunks c = { 0 };
    size_t i = 0, have = 0;
    long body = 0;

    while (!h1parse_chunks_done(&c)) {
        struct text data;
        size_t used = 0;

        if (i == have && have == bytes)
            break;
        if (i == have)
            have = bytes - have < step ? bytes : have + step;
        if (h1parse_chunks(&c, at + i, have - i, &used, &data))
            return -1;
        check(used > 0 && used <= have - i && is_inside(data, at + i, used));
        i += used;
        body += (long)data.bytes;
    }
    return body;
}

/* The end of the head; 0: none yet. */
static size_t find(const char *at, size_t bytes, size_t step, enum err *err)
{
    size_t scanned = 0, head_bytes = 0, have = 0;

    *err = ERR_OK;
    while (have < bytes && !*err && !head_bytes) {
        have = bytes - have < step ? bytes : have + step;
        *err = h1parse_find(at, have, &scanned, &head_bytes);
        check(head_bytes <= have);
    }
    return head_bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    char *at = malloc(bytes ? bytes : 1); /* exactly as large: the sanitizer sees a step too far */
    struct h1parse_head h;
    enum err whole, stepwise;
    size_t head_bytes;

    memcpy(at, data, bytes);
    head_bytes = find(at, bytes, bytes, &whole);
    if (head_bytes) {
        check(find(at, bytes, 1, &stepwise) == head_bytes && !stepwise);
        check(head_bytes >= 4 && memcmp(at + head_bytes - 4, "\r\n\r\n", 4) == 0);
    }
    if (head_bytes && h1parse_head((struct text){ at, head_bytes }, &h) == ERR_OK) {
        check(is_inside(h.method, at, head_bytes) && is_inside(h.target, at, head_bytes));
        check(!(h.is_chunked && h.content_length));
        for (uint32_t i = 0; i < h.fields_count; i++) {
            struct text value = h.fields[i].value;

            check(is_inside(h.fields[i].name, at, head_bytes) && is_inside(value, at, head_bytes));
            check(!memchr(value.at, '\n', value.bytes) && !memchr(value.at, 0, value.bytes));
        }
        if (h.is_chunked)
            check(decode(at + head_bytes, bytes - head_bytes, bytes) ==
                  decode(at + head_bytes, bytes - head_bytes, 1));
    }
    free(at);
    return 0;
}
