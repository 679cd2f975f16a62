/* model/json.c - JSON text, written forward into a buf
 *
 * Not through a DOM: an event is encoded once and then spliced into the answers of all who get it.
 */
#include "model/json.h"
#include "base/check.h"
#include "model/id.h"

void json_init(struct json *j, struct buf *to)
{
    *j = (struct json){ .to = to };
}

static void json_quoted(struct buf *to, struct text t)
{
    size_t done = 0;

    buf_put(to, "\"", 1);
    for (size_t k = 0; k < t.bytes; k++) {
        unsigned char c = (unsigned char)t.at[k];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buf_put(to, t.at + done, k - done);
        done = k + 1;
        if (c == '"' || c == '\\')
            buf_printf(to, "\\%c", c);
        else if (c == '\n')
            buf_put(to, "\\n", 2);
        else
            buf_printf(to, "\\u%04x", c);
    }
    if (t.bytes > done)
        buf_put(to, t.at + done, t.bytes - done);
    buf_put(to, "\"", 1);
}

static void json_name(struct json *j, const char *name)
{
    bool is_in_object = j->depth > 0 && j->close[j->depth - 1] == '}';

    CHECK(is_in_object == (name != NULL));
    if (j->depth > 0) {
        if (j->has_items[j->depth - 1])
            buf_put(j->to, ",", 1);
        j->has_items[j->depth - 1] = true;
    }
    if (name) {
        json_quoted(j->to, text_of(name));
        buf_put(j->to, ":", 1);
    }
}

static void json_open(struct json *j, const char *name, char open, char close)
{
    json_name(j, name);
    CHECK(j->depth < JSON_DEPTH_MAX);
    buf_put(j->to, &open, 1);
    j->has_items[j->depth] = false;
    j->close[j->depth++] = close;
}

void json_object(struct json *j, const char *name)
{
    json_open(j, name, '{', '}');
}

void json_array(struct json *j, const char *name)
{
    json_open(j, name, '[', ']');
}

void json_close(struct json *j)
{
    CHECK(j->depth > 0);
    buf_put(j->to, &j->close[--j->depth], 1);
}

void json_string(struct json *j, const char *name, struct text value)
{
    json_name(j, name);
    json_quoted(j->to, value);
}

void json_id(struct json *j, const char *name, uint64_t id)
{
    char text[ID_TEXT_MAX];

    id_print(id, text);
    json_name(j, name);
    buf_put(j->to, "\"", 1);
    buf_put_text(j->to, text_of(text));
    buf_put(j->to, "\"", 1);
}

void json_number(struct json *j, const char *name, uint64_t value)
{
    char text[ID_TEXT_MAX];

    CHECK(value < 1ull << 53);
    id_print(value, text);
    json_raw(j, name, text_of(text));
}

void json_bool(struct json *j, const char *name, bool value)
{
    json_raw(j, name, value ? TEXT("true") : TEXT("false"));
}

void json_null(struct json *j, const char *name)
{
    json_raw(j, name, TEXT("null"));
}

void json_raw(struct json *j, const char *name, struct text value)
{
    json_name(j, name);
    buf_put_text(j->to, value);
}

void json_members(struct json *j, struct text members)
{
    CHECK(j->depth > 0 && j->close[j->depth - 1] == '}');
    if (members.bytes == 0)
        return;
    if (j->has_items[j->depth - 1])
        buf_put(j->to, ",", 1);
    j->has_items[j->depth - 1] = true;
    buf_put_text(j->to, members);
}
