/* lib/sse.c - server-sent events (WHATWG HTML 9.2) read as their bytes come */
#include "lib/sse.h"
#include "lib/utf8.h"
#include <string.h>

static void keep(char *into, size_t room, const char *value)
{
    snprintf(into, room, "%s", strlen(value) < room ? value : "");
}

static bool take_field(struct sse *s, const char *name, const char *value)
{
    if (strcmp(name, "data") == 0) {
        if (s->data.bytes + strlen(value) + 1 > SSE_DATA_MOST)
            return false;
        if (s->has_data)
            buf_add(&s->data, "\n", 1);
        buf_text(&s->data, value);
        s->has_data = true;
    } else if (strcmp(name, "event") == 0) {
        keep(s->type, sizeof s->type, value);
    } else if (strcmp(name, "id") == 0) {
        keep(s->id, sizeof s->id, value);
    }
    return true; /* "retry" too: bye says what we need, and others are ignored */
}

static void dispatch(struct sse *s, const struct sse_events *on, void *context)
{
    if (s->has_data || s->id[0])
        on->event(context, s->type, s->id, s->has_data ? (s->data.at ? s->data.at : "") : NULL,
                  s->data.bytes);
    buf_drop(&s->data, s->data.bytes);
    s->type[0] = s->id[0] = 0;
    s->has_data = false;
}

static bool take_line(struct sse *s, const struct sse_events *on, void *context)
{
    buf_add(&s->line, "", 0); /* it may be empty */
    char *line = s->line.at;
    if (!s->has_begun && strncmp(line, "\xef\xbb\xbf", 3) == 0)
        line += 3;
    s->has_begun = true;
    size_t bytes = s->line.bytes - (size_t)(line - s->line.at);
    if (bytes == 0) {
        dispatch(s, on, context);
        return true;
    }
    if (strlen(line) != bytes || !utf8_is_text(line, bytes))
        return false; /* not ours: we send JSON, which has no such bytes */
    if (*line == ':')
        return true;
    char *colon = strchr(line, ':');
    const char *value = "";
    if (colon) {
        *colon = 0;
        value = colon + 1 + (colon[1] == ' ');
    }
    return take_field(s, line, value);
}

bool sse_read(struct sse *s, const char *bytes, size_t count, const struct sse_events *on, void *context)
{
    while (count) {
        if (s->was_cr && *bytes == '\n') {
            bytes++;
            count--;
        }
        s->was_cr = false;
        size_t part = 0;
        while (part < count && bytes[part] != '\r' && bytes[part] != '\n')
            part++;
        if (s->line.bytes + part > SSE_LINE_MOST)
            return false;
        buf_add(&s->line, bytes, part);
        bytes += part;
        count -= part;
        if (count == 0)
            return true;
        s->was_cr = *bytes == '\r';
        bytes++;
        count--;
        bool is_good = take_line(s, on, context);
        buf_drop(&s->line, s->line.bytes);
        if (!is_good)
            return false;
    }
    return true;
}

void sse_fini(struct sse *s)
{
    buf_fini(&s->line);
    buf_fini(&s->data);
}
