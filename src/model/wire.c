/* model/wire.c - JSON against a schema: looked over by us, parsed by Jansson, then taken field by field
 *
 * What is plain and good was read before all that, in one pass (wirefast.c); here comes what was in doubt there.
 *
 * What Jansson could be hurt by (size, depth, broken UTF-8) is found before it sees a byte. What it leaves
 * open (types, ranges, names) is decided by tables, so that a route can't forget a check.
 */
#include "model/wire.h"
#include "limits.h"
#include "model/codepoint.h"
#include "model/id.h"
#include "model/wirefast.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

/* Where in the body we are; printed only when something is wrong. */
struct wire_place {
    const struct wire_place *outer; /* NULL: the body itself */
    const char *name; /* NULL: an array's element */
    size_t index;
};

struct wire_reading {
    struct arena *arena;
    struct wire_error *why;
};

bool wire_is_utf8(struct text t)
{
    for (size_t done = 0, bytes; done < t.bytes; done += bytes) {
        const unsigned char *p = (const unsigned char *)t.at + done;
        bytes = *p < 0x80 ? 1 : codepoint_bytes(p, t.bytes - done);
        if (bytes == 0)
            return false;
    }
    return true;
}

static bool wire_is_too_deep(struct text t)
{
    bool in_string = false;
    int depth = 0;

    for (size_t k = 0; k < t.bytes; k++) {
        char c = t.at[k];
        if (in_string && c == '\\')
            k++;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '{' || c == '['))
            depth++;
        else if (!in_string && (c == '}' || c == ']'))
            depth--;
        if (depth > LIMIT_JSON_DEPTH)
            return true;
    }
    return false;
}

/* Appends to the field's name as many whole characters as fit. */
static void wire_name(struct wire_error *why, struct text part)
{
    size_t used = strlen(why->field);

    for (size_t done = 0, bytes; done < part.bytes; done += bytes) {
        bytes = codepoint_bytes((const unsigned char *)part.at + done, part.bytes - done);
        if (bytes == 0 || used + bytes >= sizeof why->field)
            break;
        memcpy(why->field + used, part.at + done, bytes);
        used += bytes;
    }
    why->field[used] = 0;
}

/* body.members[3].id; never deeper than the JSON itself. */
static void wire_name_place(struct wire_error *why, const struct wire_place *p)
{
    char index[24];

    if (p->outer)
        wire_name_place(why, p->outer);
    if (p->name) {
        if (why->field[0])
            wire_name(why, TEXT("."));
        wire_name(why, text_of(p->name));
    } else if (p->outer) {
        snprintf(index, sizeof index, "[%zu]", p->index);
        wire_name(why, text_of(index));
    }
}

static enum err wire_wrong(struct wire_reading *r, const struct wire_place *p, enum err err)
{
    r->why->field[0] = 0;
    wire_name_place(r->why, p);
    return err;
}

static enum err wire_object(struct wire_reading *r, const struct wire_schema *s, json_t *object, void *into,
                            const struct wire_place *p);

static enum err wire_string(struct wire_reading *r, const struct wire_field *f, json_t *value, void *into)
{
    struct text t = { json_string_value(value), json_string_length(value) };

    if (!json_is_string(value))
        return ERR_BAD_TYPE;
    if (t.bytes < f->least || t.bytes > f->most || memchr(t.at, 0, t.bytes))
        return ERR_OUT_OF_RANGE;
    *(struct text *)into = arena_copy(r->arena, t);
    return ERR_OK;
}

static enum err wire_id(json_t *value, uint64_t *into)
{
    struct text t = { json_string_value(value), json_string_length(value) };

    if (!json_is_string(value))
        return ERR_BAD_TYPE;
    return id_parse(t, into) ? ERR_OK : ERR_OUT_OF_RANGE;
}

static enum err wire_number(const struct wire_field *f, json_t *value, uint64_t *into)
{
    json_int_t n = json_integer_value(value);

    if (!json_is_integer(value))
        return ERR_BAD_TYPE;
    if (n < 0 || (uint64_t)n < f->least || (uint64_t)n > f->most)
        return ERR_OUT_OF_RANGE;
    *into = (uint64_t)n;
    return ERR_OK;
}

static bool wire_has_nul(json_t *value)
{
    const char *name;
    json_t *part;
    size_t k;

    if (json_is_string(value))
        return memchr(json_string_value(value), 0, json_string_length(value)) != NULL;
    json_array_foreach(value, k, part) if (wire_has_nul(part)) return true;
    json_object_foreach(value, name, part) if (wire_has_nul(part)) return true;
    return false;
}

static enum err wire_json(struct wire_reading *r, const struct wire_field *f, json_t *value,
                          struct text *into)
{
    const size_t flags = JSON_COMPACT | JSON_ENCODE_ANY;

    if (json_is_null(value))
        return ERR_BAD_TYPE;
    if (wire_has_nul(value))
        return ERR_OUT_OF_RANGE;
    size_t bytes = json_dumpb(value, NULL, 0, flags);
    CHECK(bytes > 0);
    if (bytes > f->most)
        return ERR_OUT_OF_RANGE;
    char *at = arena_alloc(r->arena, bytes + 1);
    CHECK(json_dumpb(value, at, bytes, flags) == bytes);
    *into = (struct text){ at, bytes };
    return ERR_OK;
}

/* The length of an array that may be taken. */
static enum err wire_count(const struct wire_field *f, json_t *value, uint32_t *count)
{
    size_t n = json_array_size(value);

    if (!json_is_array(value))
        return ERR_BAD_TYPE;
    if (n < f->least || n > f->most)
        return ERR_OUT_OF_RANGE;
    *count = (uint32_t)n;
    return ERR_OK;
}

static enum err wire_ids(struct wire_reading *r, const struct wire_field *f, json_t *value,
                         struct wire_ids *into, const struct wire_place *p)
{
    enum err err = wire_count(f, value, &into->count);

    if (err)
        return wire_wrong(r, p, err);
    into->at = arena_alloc(r->arena, into->count * sizeof *into->at);
    for (uint32_t k = 0; k < into->count; k++) {
        struct wire_place inner = { .outer = p, .index = k };
        err = wire_id(json_array_get(value, k), &into->at[k]);
        if (err)
            return wire_wrong(r, &inner, err);
    }
    return ERR_OK;
}

static enum err wire_objects(struct wire_reading *r, const struct wire_field *f, json_t *value,
                             struct wire_objects *into, const struct wire_place *p)
{
    enum err err = wire_count(f, value, &into->count);

    if (err)
        return wire_wrong(r, p, err);
    into->at = arena_alloc(r->arena, into->count * f->schema->struct_bytes);
    for (uint32_t k = 0; k < into->count && !err; k++) {
        struct wire_place inner = { .outer = p, .index = k };
        void *at = (char *)into->at + k * f->schema->struct_bytes;
        err = wire_object(r, f->schema, json_array_get(value, k), at, &inner);
    }
    return err;
}

static enum err wire_value(struct wire_reading *r, const struct wire_field *f, json_t *value, void *into,
                           const struct wire_place *p)
{
    enum err err = ERR_OK;

    switch (f->type) {
    case WIRE_OBJECT:
        return wire_object(r, f->schema, value, into, p);
    case WIRE_IDS:
        return wire_ids(r, f, value, into, p);
    case WIRE_OBJECTS:
        return wire_objects(r, f, value, into, p);
    case WIRE_STRING:
        err = wire_string(r, f, value, into);
        break;
    case WIRE_ID:
        err = wire_id(value, into);
        break;
    case WIRE_NUMBER:
        err = wire_number(f, value, into);
        break;
    case WIRE_JSON:
        err = wire_json(r, f, value, into);
        break;
    case WIRE_BOOL:
        *(bool *)into = json_is_true(value);
        err = json_is_boolean(value) ? ERR_OK : ERR_BAD_TYPE;
        break;
    }
    return err ? wire_wrong(r, p, err) : ERR_OK;
}

static bool wire_knows(const struct wire_schema *s, const char *name)
{
    for (const struct wire_field *f = s->fields; f->name; f++)
        if (strcmp(f->name, name) == 0)
            return true;
    return false;
}

static enum err wire_object(struct wire_reading *r, const struct wire_schema *s, json_t *object, void *into,
                            const struct wire_place *p)
{
    const char *name;
    json_t *value;

    if (!json_is_object(object))
        return wire_wrong(r, p, ERR_BAD_TYPE);
    json_object_foreach(object, name, value)
    {
        struct wire_place inner = { .outer = p, .name = name };
        if (!wire_knows(s, name))
            return wire_wrong(r, &inner, ERR_UNKNOWN_FIELD);
    }
    for (const struct wire_field *f = s->fields; f->name; f++) {
        struct wire_place inner = { .outer = p, .name = f->name };
        value = json_object_get(object, f->name);
        if (!value && f->is_required)
            return wire_wrong(r, &inner, ERR_MISSING_FIELD);
        if (!value)
            continue;
        enum err err = wire_value(r, f, value, (char *)into + f->offset, &inner);
        if (err)
            return err;
        if (f->present_offset)
            *(bool *)((char *)into + f->present_offset) = true;
    }
    return ERR_OK;
}

/* Jansson tells the doubled name only in its text for people, and only a short one: near '"name"'. */
static void wire_name_doubled(const json_error_t *error, struct wire_error *why)
{
    static const char near[] = "near '\"";
    const char *at = strstr(error->text, near);
    const char *end = at ? strstr(at + sizeof near - 1, "\"'") : NULL;

    if (end) {
        at += sizeof near - 1;
        wire_name(why, (struct text){ at, (size_t)(end - at) });
    }
}

static enum err wire_refused(const json_error_t *error, struct wire_error *why)
{
    enum json_error_code code = json_error_code(error);

    CHECK(code != json_error_out_of_memory);
    if (code == json_error_duplicate_key) {
        wire_name_doubled(error, why);
        return ERR_DUPLICATE_FIELD;
    }
    if (code == json_error_numeric_overflow)
        return ERR_OUT_OF_RANGE;
    if (code == json_error_null_byte_in_key)
        return ERR_UNKNOWN_FIELD;
    return ERR_BAD_JSON;
}

enum err wire_read_carefully(const struct wire_schema *s, struct text json, struct arena *arena, void *into,
                             struct wire_error *why)
{
    struct wire_reading r = { .arena = arena, .why = why };
    const struct wire_place whole = { 0 };
    json_error_t error;

    memset(into, 0, s->struct_bytes);
    *why = (struct wire_error){ 0 };
    if (!wire_is_utf8(json))
        return ERR_BAD_UTF8;
    if (wire_is_too_deep(json))
        return ERR_TOO_DEEP;
    json_t *body = json_loadb(json.at, json.bytes, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (!body)
        return wire_refused(&error, why);
    enum err err = wire_object(&r, s, body, into, &whole);
    json_decref(body);
    return err;
}

enum err wire_read(const struct wire_schema *s, struct text json, struct arena *arena, void *into,
                   struct wire_error *why)
{
    return wire_read_up_to(s, json, LIMIT_JSON_BYTES, arena, into, why);
}

enum err wire_read_up_to(const struct wire_schema *s, struct text json, size_t bytes_max, struct arena *arena,
                         void *into, struct wire_error *why)
{
    memset(into, 0, s->struct_bytes);
    *why = (struct wire_error){ 0 };
    if (json.bytes > bytes_max)
        return ERR_TOO_LARGE;
    if (wirefast_read(s, json, arena, into))
        return ERR_OK;
    return wire_read_carefully(s, json, arena, into, why);
}
