/* model/wire.c - JSON by schema: looked over first, parsed by Jansson, then taken field by field
 *
 *   1 look over   size, UTF-8, depth: what would cost memory is refused before it is parsed
 *   2 parse       Jansson, duplicate keys refused
 *   3 take        every field of the JSON must stand in the schema, with its type and range
 */
#include "model/wire.h"
#include "limits.h"
#include "model/id.h"
#include <jansson.h>
#include <stdio.h>

struct wire_reader {
    struct arena *arena;
    struct wire_error *why;
};

/* Length of the UTF-8 sequence at at, 0 for a broken one (RFC 3629: no surrogates, no overlong forms). */
static size_t wire_utf8_length(const unsigned char *at, size_t left)
{
    unsigned char c = at[0];
    size_t length = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : (c & 0xf0) == 0xe0 ? 3 : c >= 0xf0 && c < 0xf5 ? 4 : 0;

    if (length == 0 || length > left)
        return 0;
    for (size_t k = 1; k < length; k++) {
        if ((at[k] & 0xc0) != 0x80)
            return 0;
    }
    if ((c == 0xe0 && at[1] < 0xa0) || (c == 0xed && at[1] > 0x9f) || (c == 0xf0 && at[1] < 0x90) ||
        (c == 0xf4 && at[1] > 0x8f))
        return 0;
    return length;
}

bool wire_is_utf8(struct text t)
{
    const unsigned char *at = (const unsigned char *)t.at;

    for (size_t k = 0; k < t.bytes;) {
        size_t length = wire_utf8_length(at + k, t.bytes - k);
        if (length == 0)
            return false;
        k += length;
    }
    return true;
}

/* Brackets outside strings; a text that is no JSON may be judged too deep, which is as good a refusal. */
static bool wire_is_too_deep(struct text t)
{
    bool is_string = false;
    int depth = 0;

    for (size_t k = 0; k < t.bytes; k++) {
        char c = t.at[k];
        if (is_string) {
            if (c == '\\')
                k++;
            else if (c == '"')
                is_string = false;
        } else if (c == '"') {
            is_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > LIMIT_JSON_DEPTH)
                return true;
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return false;
}

static enum err wire_read_object(struct wire_reader *r, const struct wire_schema *s, json_t *from, void *into);

/* Puts name in front of what is already said of the place: "members[3]", "body.text"; cut to fit. */
static void wire_blame(struct wire_reader *r, const char *name)
{
    char *field = r->why->field, inner[sizeof r->why->field];
    size_t room = sizeof r->why->field;

    memcpy(inner, field, sizeof inner);
    field[0] = 0;
    strncat(field, name, room - 1);
    if (inner[0] && inner[0] != '[')
        strncat(field, ".", room - 1 - strlen(field));
    strncat(field, inner, room - 1 - strlen(field));
}

static void wire_blame_item(struct wire_reader *r, size_t index)
{
    char name[32];

    snprintf(name, sizeof name, "[%zu]", index);
    wire_blame(r, name);
}

static enum err wire_take_string(struct wire_reader *r, const struct wire_field *f, json_t *v, struct text *into)
{
    if (!json_is_string(v))
        return ERR_BAD_TYPE;
    struct text t = { json_string_value(v), json_string_length(v) };
    if (t.bytes < f->least || t.bytes > f->most || (t.bytes && memchr(t.at, 0, t.bytes)))
        return ERR_OUT_OF_RANGE;
    *into = arena_copy(r->arena, t);
    return ERR_OK;
}

static enum err wire_take_id(json_t *v, uint64_t *into)
{
    if (!json_is_string(v))
        return ERR_BAD_TYPE;
    return id_parse((struct text){ json_string_value(v), json_string_length(v) }, into) ? ERR_OK : ERR_OUT_OF_RANGE;
}

static enum err wire_take_number(const struct wire_field *f, json_t *v, uint64_t *into)
{
    if (!json_is_integer(v))
        return ERR_BAD_TYPE;
    json_int_t n = json_integer_value(v);
    if (n < 0 || (uint64_t)n < f->least || (uint64_t)n > f->most)
        return ERR_OUT_OF_RANGE;
    *into = (uint64_t)n;
    return ERR_OK;
}

static enum err wire_take_ids(struct wire_reader *r, const struct wire_field *f, json_t *v, struct wire_ids *into)
{
    if (!json_is_array(v))
        return ERR_BAD_TYPE;
    size_t count = json_array_size(v);
    if (count < f->least || count > f->most)
        return ERR_OUT_OF_RANGE;
    into->at = arena_alloc(r->arena, count * sizeof *into->at);
    for (size_t k = 0; k < count; k++) {
        enum err err = wire_take_id(json_array_get(v, k), &into->at[k]);
        if (err) {
            wire_blame_item(r, k);
            return err;
        }
    }
    into->count = (uint32_t)count;
    return ERR_OK;
}

static enum err wire_take_objects(struct wire_reader *r, const struct wire_field *f, json_t *v,
                                  struct wire_objects *into)
{
    if (!json_is_array(v))
        return ERR_BAD_TYPE;
    size_t count = json_array_size(v), bytes = f->schema->struct_bytes;
    if (count < f->least || count > f->most)
        return ERR_OUT_OF_RANGE;
    char *at = arena_alloc(r->arena, count * bytes);
    for (size_t k = 0; k < count; k++) {
        enum err err = wire_read_object(r, f->schema, json_array_get(v, k), at + k * bytes);
        if (err) {
            wire_blame_item(r, k);
            return err;
        }
    }
    into->at = at;
    into->count = (uint32_t)count;
    return ERR_OK;
}

static enum err wire_take_json(struct wire_reader *r, const struct wire_field *f, json_t *v, struct text *into)
{
    char *dumped = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);

    CHECK(dumped);
    struct text t = text_of(dumped);
    enum err err = t.bytes > f->most ? ERR_OUT_OF_RANGE : ERR_OK;
    if (!err)
        *into = arena_copy(r->arena, t);
    free(dumped);
    return err;
}

static enum err wire_take(struct wire_reader *r, const struct wire_field *f, json_t *v, void *at)
{
    switch (f->type) {
    case WIRE_STRING:
        return wire_take_string(r, f, v, at);
    case WIRE_ID:
        return wire_take_id(v, at);
    case WIRE_NUMBER:
        return wire_take_number(f, v, at);
    case WIRE_BOOL:
        if (!json_is_boolean(v))
            return ERR_BAD_TYPE;
        *(bool *)at = json_is_true(v);
        return ERR_OK;
    case WIRE_OBJECT:
        return wire_read_object(r, f->schema, v, at);
    case WIRE_IDS:
        return wire_take_ids(r, f, v, at);
    case WIRE_JSON:
        return wire_take_json(r, f, v, at);
    case WIRE_OBJECTS:
        return wire_take_objects(r, f, v, at);
    }
    CHECK(!"a type of the schema");
    return ERR_INTERNAL;
}

static const struct wire_field *wire_find(const struct wire_schema *s, const char *name)
{
    for (const struct wire_field *f = s->fields; f->name; f++) {
        if (strcmp(f->name, name) == 0)
            return f;
    }
    return NULL;
}

static enum err wire_read_object(struct wire_reader *r, const struct wire_schema *s, json_t *from, void *into)
{
    const char *name;
    json_t *value;

    if (!json_is_object(from))
        return ERR_BAD_TYPE;
    json_object_foreach(from, name, value) {
        const struct wire_field *f = wire_find(s, name);
        enum err err = f ? wire_take(r, f, value, (char *)into + f->offset) : ERR_UNKNOWN_FIELD;
        if (err) {
            wire_blame(r, name);
            return err;
        }
        if (f->present_offset)
            *(bool *)((char *)into + f->present_offset) = true;
    }
    for (const struct wire_field *f = s->fields; f->name; f++) {
        if (f->is_required && !json_object_get(from, f->name)) {
            wire_blame(r, f->name);
            return ERR_MISSING_FIELD;
        }
    }
    return ERR_OK;
}

/* Jansson names a repeated key only in its text: duplicate object key near '"a"'. */
static void wire_blame_duplicate(struct wire_reader *r, const char *said)
{
    const char *from = strstr(said, "'\""), *to = from ? strstr(from + 2, "\"'") : NULL;

    if (to && to - from - 2 < (ptrdiff_t)sizeof r->why->field)
        snprintf(r->why->field, sizeof r->why->field, "%.*s", (int)(to - from - 2), from + 2);
}

static enum err wire_parse(struct wire_reader *r, struct text json, json_t **root)
{
    json_error_t error;

    if (json.bytes > LIMIT_JSON_BYTES)
        return ERR_TOO_LARGE;
    if (!wire_is_utf8(json))
        return ERR_BAD_UTF8;
    if (wire_is_too_deep(json))
        return ERR_TOO_DEEP;
    *root = json_loadb(json.at ? json.at : "", json.bytes, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (*root)
        return ERR_OK;
    if (json_error_code(&error) == json_error_duplicate_key) {
        wire_blame_duplicate(r, error.text);
        return ERR_DUPLICATE_FIELD;
    }
    return ERR_BAD_JSON;
}

enum err wire_read(const struct wire_schema *s, struct text json, struct arena *arena, void *into,
                   struct wire_error *why)
{
    struct wire_reader r = { .arena = arena, .why = why };
    json_t *root = NULL;

    memset(into, 0, s->struct_bytes);
    why->field[0] = 0;
    enum err err = wire_parse(&r, json, &root);
    if (!err)
        err = wire_read_object(&r, s, root, into);
    json_decref(root);
    return err;
}
