/* model/event.c - an event as JSON, the same for every recipient but for its place */
#include "model/event.h"
#include "limits.h"
#include "model/json.h"
#include "model/snowflake.h"

enum {
    EVENT_BYTES_MAX = 2 * LIMIT_JSON_BYTES,
    EVENT_FRAME_BYTES = 256, /* what stands around a body, at most: no growing on the way */
};

const char *event_kind_word(enum event_kind k)
{
    static const char *const words[] = { NULL,     "message",      "edit", "delete", "reaction",
                                         "member", "conversation", "mark", "device" };

    return k >= EVENT_MESSAGE && k <= EVENT_DEVICE ? words[k] : NULL;
}

static void event_digits(char *into, unsigned count, uint64_t value)
{
    while (count > 0) {
        into[--count] = (char)('0' + value % 10);
        value /= 10;
    }
}

/* By hand and not by strftime: every event has one. The calendar is counted in years that begin on 1 March,
 * so that the leap day is the last of its year, from the year 0: 719,468 days before 1970. */
void event_time_print(uint64_t unix_ms, char into[static EVENT_TIME_MAX])
{
    uint64_t seconds = unix_ms / 1000, days = seconds / 86400 + 719468;
    uint64_t era = days / 146097, day = days % 146097; /* of 400 years */
    uint64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;

    day -= 365 * year + year / 4 - year / 100;
    uint64_t month = (5 * day + 2) / 153; /* 0: March */
    day -= (153 * month + 2) / 5;
    year += 400 * era + (month >= 10);
    memcpy(into, "0000-00-00T00:00:00.000Z", EVENT_TIME_MAX);
    event_digits(into, 4, year);
    event_digits(into + 5, 2, month < 10 ? month + 3 : month - 9);
    event_digits(into + 8, 2, day + 1);
    event_digits(into + 11, 2, seconds / 3600 % 24);
    event_digits(into + 14, 2, seconds / 60 % 60);
    event_digits(into + 17, 2, seconds % 60);
    event_digits(into + 20, 3, unix_ms % 1000);
}

/* The members of an object whose braces are left out: what json_close() would put is cut off again. */
struct blob *event_encode(const struct event *e)
{
    char at[EVENT_TIME_MAX], key[KEY_TEXT_BYTES + 1];
    struct buf to;
    struct json j;

    CHECK(event_kind_word(e->kind));
    buf_init(&to, EVENT_BYTES_MAX);
    buf_reserve(&to, EVENT_FRAME_BYTES + e->body.bytes);
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
