/* model/event.c - an event as JSON, the same for every recipient but for its place */
#include "model/event.h"
#include "limits.h"
#include "model/json.h"
#include "model/snowflake.h"
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

enum { EVENT_BYTES_MAX = 2 * LIMIT_JSON_BYTES };

const char *event_kind_word(enum event_kind k)
{
    static const char *const words[] = { NULL,     "message",      "edit", "delete", "reaction",
                                         "member", "conversation", "mark", "device" };

    return k >= EVENT_MESSAGE && k <= EVENT_DEVICE ? words[k] : NULL;
}

void event_time_print(uint64_t unix_ms, char into[static EVENT_TIME_MAX])
{
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm tm;

    gmtime_r(&seconds, &tm);
    size_t n = strftime(into, EVENT_TIME_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(into + n, EVENT_TIME_MAX - n, ".%03uZ", (unsigned)(unix_ms % 1000));
}

/* The members of an object whose braces are left out: what json_close() would put is cut off again. */
struct blob *event_encode(const struct event *e)
{
    char at[EVENT_TIME_MAX], key[KEY_TEXT_BYTES + 1];
    struct buf to;
    struct json j;

    CHECK(event_kind_word(e->kind));
    buf_init(&to, EVENT_BYTES_MAX);
    json_init(&j, &to);
    json_object(&j, NULL);
    json_string(&j, "t", text_of(event_kind_word(e->kind)));
    if (e->conversation.n)
        json_id(&j, "c", e->conversation.n);
    if (e->seq.n)
        json_number(&j, "seq", e->seq.n);
    json_id(&j, "id", e->id.n);
    json_id(&j, "from", e->from.n);
    event_time_print(snowflake_unix_ms(e->id.n), at);
    json_string(&j, "at", text_of(at));
    if (e->key.high || e->key.low) {
        key_print(e->key, key);
        json_string(&j, "key", text_of(key));
    }
    json_members(&j, e->body);
    CHECK(!to.overflowed);
    struct blob *b = blob_copy((struct text){ to.at + 1, to.bytes - 1 });
    buf_fini(&to);
    return b;
}

void event_put(struct buf *to, struct inbox_seq i, struct text encoded)
{
    if (i.n)
        buf_printf(to, "{\"i\":%" PRIu64 ",", i.n);
    else
        buf_put(to, "{", 1);
    buf_put_text(to, encoded);
    buf_put(to, "}", 1);
}
