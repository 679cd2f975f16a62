/* api/frame.c - the messages of a WebSocket */
#include "api/frame.h"
#include "api/problem.h"
#include "model/wire.h"
#include <stdio.h>

enum { FRAME_METHOD_MAX = 8, FRAME_EXTRA_BYTES = 128, FRAME_SMALL_BYTES = 1024 };

static const struct wire_schema frame_schema = {
    sizeof(struct frame),
    (const struct wire_field[]){
        { "id", WIRE_NUMBER, false, 0, (1ull << 53) - 1, offsetof(struct frame, id),
          offsetof(struct frame, has_id), NULL },
        { "do", WIRE_STRING, false, 1, FRAME_METHOD_MAX, offsetof(struct frame, method), 0, NULL },
        { "path", WIRE_STRING, false, 1, LIMIT_TARGET_BYTES, offsetof(struct frame, path), 0, NULL },
        { "body", WIRE_JSON, false, 0, LIMIT_JSON_BYTES, offsetof(struct frame, body), 0, NULL },
        { "ack", WIRE_STRING, false, 1, CURSOR_TEXT_MAX, offsetof(struct frame, ack), 0, NULL },
        { 0 } },
};

/* A frame is a request or an acknowledgement, and whole. */
static const char *frame_lacks(const struct frame *f)
{
    if (f->ack.at)
        return NULL;
    if (!f->has_id)
        return "id";
    if (!f->method.at)
        return "do";
    return f->path.at ? NULL : "path";
}

enum err frame_read(struct text message, struct arena *arena, struct frame *f,
                    char field[static FRAME_FIELD_MAX])
{
    struct wire_error why;
    enum err err = wire_read_up_to(&frame_schema, message, LIMIT_SOCKET_BYTES, arena, f, &why);
    const char *lacks = err ? why.field : frame_lacks(f);

    if (!err && lacks)
        err = ERR_MISSING_FIELD;
    if (!err && f->ack.at && (f->has_id || f->method.at || f->path.at || f->body.at)) {
        err = ERR_UNKNOWN_FIELD;
        lacks = "ack";
    }
    snprintf(field, FRAME_FIELD_MAX, "%s", lacks ? lacks : "");
    return err;
}

static struct blob *frame_done(struct buf *out)
{
    CHECK(!out->overflowed);
    struct blob *b = blob_copy(buf_text(out));

    buf_fini(out);
    return b;
}

struct blob *frame_answer(uint64_t id, int status, struct text body)
{
    struct buf out;
    struct json j;

    buf_init(&out, body.bytes + FRAME_EXTRA_BYTES);
    json_init(&j, &out);
    json_object(&j, NULL);
    json_number(&j, "id", id);
    json_number(&j, "status", (uint64_t)status);
    json_raw(&j, "body", body);
    json_close(&j);
    return frame_done(&out);
}

struct blob *frame_refusal(const struct frame *f, enum err err, const char *field)
{
    struct buf out;
    struct json j;

    buf_init(&out, FRAME_SMALL_BYTES);
    json_init(&j, &out);
    json_object(&j, NULL);
    if (f->has_id) {
        json_number(&j, "id", f->id);
        json_number(&j, "status", (uint64_t)err_status(err));
    }
    json_object(&j, f->has_id ? "body" : "error");
    problem_members(&j, err, field, problem_retry_ms(err));
    json_close(&j);
    json_close(&j);
    return frame_done(&out);
}

struct blob *frame_head(const struct receiver *r)
{
    struct buf out;
    struct json j;

    buf_init(&out, FRAME_SMALL_BYTES);
    json_init(&j, &out);
    json_object(&j, NULL);
    json_object(&j, "signal");
    receiver_head(r, &j);
    json_close(&j);
    json_close(&j);
    return frame_done(&out);
}
