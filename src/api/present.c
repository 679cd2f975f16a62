/* api/present.c - how things look in answers, in one place */
#include "api/present.h"
#include "model/cursor.h"

void present_time(struct json *j, const char *name, uint64_t unix_ms)
{
    char at[EVENT_TIME_MAX];

    event_time_print(unix_ms, at);
    json_string(j, name, text_of(at));
}

void present_cursor(struct json *j, const char *name, uint64_t timeline, struct inbox_seq i)
{
    struct cursor c = { .timeline = timeline, .i = i };
    char at[CURSOR_TEXT_MAX];

    cursor_print(&c, at);
    json_string(j, name, text_of(at));
}

void present_account(struct json *j, const struct account *a)
{
    json_id(j, "id", a->id.n);
    json_string(j, "handle", a->handle);
    json_string(j, "name", a->name);
    present_time(j, "created_at", a->created_unix_ms);
}

void present_device(struct json *j, const struct device *d, struct device_id current)
{
    json_id(j, "id", d->id.n);
    json_string(j, "name", d->name);
    json_string(j, "platform", d->platform);
    present_time(j, "created_at", d->created_unix_ms);
    present_time(j, "seen_at", d->seen_unix_ms);
    json_bool(j, "current", d->id.n == current.n);
}

void present_encoded(struct json *j, struct inbox_seq i, struct text encoded)
{
    json_object(j, NULL);
    if (i.n)
        json_number(j, "i", i.n);
    json_members(j, encoded);
    json_close(j);
}

void present_event(struct json *j, struct inbox_seq i, const struct event *e)
{
    struct blob *encoded = event_encode(e);

    present_encoded(j, i, blob_text(encoded));
    blob_free(&encoded);
}

void present_conversation(struct json *j, const struct conversation *c)
{
    /* What came before the joining was never there to be read. */
    uint64_t read = c->read_seq.n, before = c->joined.n ? c->joined.n - 1 : 0;
    uint64_t from = read > before ? read : before;

    json_id(j, "id", c->id.n);
    json_string(j, "kind", text_of(members_kind_word(c->kind)));
    json_string(j, "title", c->title);
    if (c->kind == CONVERSATION_DIRECT)
        json_id(j, "with", c->other.n);
    json_number(j, "members_count", c->members_count);
    json_string(j, "role", text_of(role_word(c->role)));
    json_number(j, "last_seq", c->last_seq.n);
    json_number(j, "read_seq", read);
    json_number(j, "unread", c->last_seq.n > from ? c->last_seq.n - from : 0);
    if (c->has_last) {
        struct blob *encoded = event_encode(&c->last);
        json_object(j, "last_message");
        json_members(j, blob_text(encoded));
        json_close(j);
        blob_free(&encoded);
    } else {
        json_null(j, "last_message");
    }
    if (c->muted_until_unix_ms)
        present_time(j, "muted_until", c->muted_until_unix_ms);
    else
        json_null(j, "muted_until");
}
