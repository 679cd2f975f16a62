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

/* Where the next byte stands that needs an escape; t.bytes: nowhere. Eight at a time: the highest bit of a byte of
 * odd is set when it is below 0x20, a quote or a backslash (and perhaps in bytes above such a one). */
static size_t json_plain(struct text t, size_t k)
{
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    uint64_t word;

    for (; t.bytes - k >= sizeof word; k += sizeof word) {
        memcpy(&word, t.at + k, sizeof word);
        uint64_t quote = word ^ ones * '"', slash = word ^ ones * '\\';
        uint64_t odd = ((word - ones * 0x20) & ~word) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash);
        if (odd & highs)
            break;
    }
    while (k < t.bytes && (unsigned char)t.at[k] >= 0x20 && t.at[k] != '"' && t.at[k] != '\\')
        k++;
    return k;
}

static void json_escape(struct buf *to, char c)
{
    char quoted[2] = { '\\', c };

    if (c == '"' || c == '\\')
        buf_put(to, quoted, 2);
    else if (c == '\n')
        buf_put(to, "\\n", 2);
    else
        buf_printf(to, "\\u%04x", (unsigned)(unsigned char)c);
}

static void json_quoted(struct buf *to, struct text t)
{
    size_t done = 0, plain = json_plain(t, 0);

    buf_put(to, "\"", 1);
    for (; plain < t.bytes; plain = json_plain(t, done)) {
        buf_put(to, t.at + done, plain - done);
        json_escape(to, t.at[plain]);
        done = plain + 1;
    }
    if (done < t.bytes) /* an empty text may stand nowhere */
        buf_put(to, t.at + done, t.bytes - done);
    buf_put(to, "\"", 1);
}

/* A name is ours, and needs no escapes. */
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
        buf_put(j->to, "\"", 1);
        buf_put_text(j->to, text_of(name));
        buf_put(j->to, "\":", 2);
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
