/* fuzz/fuzz_frame.c - what a peer says on a link: in one piece or in small ones the same, and what is read is written alike */
#include "node/frame.h"
#include "node/linksread.h"
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void add(uint64_t *sum, const void *p, size_t bytes)
{
    const uint8_t *at = p;

    for (size_t i = 0; i < bytes; i++)
        *sum = (*sum ^ at[i]) * 1099511628211u;
}

/* What it was read as is written, and read, as the same: but for what a newer version has behind it. */
static void look_at(const struct frame *f, size_t bytes)
{
    struct frame again;
    struct blob *b;

    check(f->node < 1024 && f->places <= FRAME_PLACES_MAX);
    b = frame_encode(f);
    check(b->bytes <= bytes || f->type == FRAME_SENT); /* an error that is not known has another code */
    check(frame_decode(blob_text(b), &again) == ERR_OK);
    check(again.type == f->type && again.places == f->places && again.number == f->number);
    check(text_equal(again.encoded, f->encoded) && text_equal(again.text, f->text));
    for (uint32_t k = 0; k < f->places; k++)
        check(frame_place_at(f, k).i.n == frame_place_at(&again, k).i.n);
    blob_free(&b);
}

static bool on_frame(void *ctx, struct text bytes)
{
    char *copy = malloc(bytes.bytes); /* exactly as large: the sanitizer sees a step too far */
    struct frame f;
    bool is_known;

    check(bytes.bytes >= FRAME_HEAD_BYTES && frame_bytes(bytes.at) == bytes.bytes);
    memcpy(copy, bytes.at, bytes.bytes);
    is_known = frame_decode((struct text){ copy, bytes.bytes }, &f) == ERR_OK;
    if (is_known && (f.type <= FRAME_REFUSED || (f.type >= FRAME_NOTICE && f.type <= FRAME_EPOCH)))
        look_at(&f, bytes.bytes);
    add(ctx, &bytes.bytes, sizeof(bytes.bytes));
    add(ctx, bytes.at, bytes.bytes);
    free(copy);
    return true;
}

static uint64_t read_all(const uint8_t *data, size_t bytes, size_t step)
{
    uint64_t sum = 14695981039346656037u;
    bool is_garbage = false, goes_on = true;
    struct linksread r;

    linksread_init(&r);
    for (size_t begin = 0; begin < bytes && goes_on; begin += step) {
        size_t most = bytes - begin < step ? bytes - begin : step;

        goes_on =
            linksread_put(&r, (struct text){ (const char *)data + begin, most }, on_frame, &sum, &is_garbage);
        check(goes_on || is_garbage);
        check(!r.part.overflowed && r.part.bytes <= FRAME_BYTES_MAX);
    }
    linksread_fini(&r);
    add(&sum, &is_garbage, sizeof(is_garbage));
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    uint64_t whole;

    if (bytes < 2)
        return 0;
    whole = read_all(data + 1, bytes - 1, bytes);
    check(read_all(data + 1, bytes - 1, 1) == whole);
    check(read_all(data + 1, bytes - 1, 2u + data[0]) == whole);
    return 0;
}
