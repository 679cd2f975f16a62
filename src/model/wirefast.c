/* model/wirefast.c - one pass over a body, by its schema
 *
 * Nearly all bodies are good and plain. They are taken here, a value at a time, straight into the struct; at the
 * first doubt the pass is given up. So there is one place that knows what is wrong with a body (wire.c), and nothing
 * to keep in step here but what is right.
 */
#include "model/wirefast.h"

#include "model/id.h"
#include "model/lexer.h"

enum { WIREFAST_FIELDS_MAX = 32 };

struct wirefast {
    struct lexer lexer;
    struct arena *arena;
};

static bool wirefast_object(struct wirefast *w, const struct wire_schema *s, void *into);

static bool wirefast_string(struct wirefast *w, const struct wire_field *f, struct text *into)
{
    struct lexer_string s;

    if (!lexer_string(&w->lexer, &s))
        return false;
    if (s.has_escapes) {
        char *at = arena_alloc(w->arena, s.raw.bytes + 1);
        *into = (struct text){ at, lexer_unescape(s, at) };
    } else {
        *into = arena_copy(w->arena, s.raw);
    }
    return into->bytes >= f->least && into->bytes <= f->most;
}

static bool wirefast_id(struct wirefast *w, uint64_t *into)
{
    struct lexer_string s;

    return lexer_string(&w->lexer, &s) && id_parse(s.raw, into);
}

static bool wirefast_json(struct wirefast *w, const struct wire_field *f, struct text *into)
{
    struct text value;

    if (!lexer_value(&w->lexer, &value) || value.bytes > f->most)
        return false;
    *into = arena_copy(w->arena, value);
    return true;
}

/* How many ids there are: the commas before the bracket, since an id holds neither. */
static bool wirefast_ids(struct wirefast *w, const struct wire_field *f, struct wire_ids *into)
{
    struct lexer *l = &w->lexer;
    size_t count = 1;

    if (!lexer_open(l, '['))
        return false;
    for (const char *at = l->at; at < l->end && *at != ']' && count <= f->most; at++)
        count += *at == ',';
    into->at = arena_alloc(w->arena, count * sizeof *into->at);
    if (lexer_close(l, ']'))
        return f->least == 0;
    do
        if (into->count == count || !wirefast_id(w, &into->at[into->count++]))
            return false;
    while (lexer_take(l, ','));
    return lexer_close(l, ']') && into->count >= f->least && into->count <= f->most;
}

static bool wirefast_objects(struct wirefast *w, const struct wire_field *f, struct wire_objects *into)
{
    struct lexer *l = &w->lexer, ahead;
    struct text element;
    size_t count = 0;

    if (!lexer_open(l, '['))
        return false;
    ahead = *l;
    while (count < f->most && lexer_value(&ahead, &element)) {
        count++;
        if (!lexer_take(&ahead, ','))
            break;
    }
    into->at = arena_alloc(w->arena, count * f->schema->struct_bytes);
    if (count == 0)
        return lexer_close(l, ']') && f->least == 0;
    do
        if (into->count == count ||
            !wirefast_object(w, f->schema, (char *)into->at + into->count++ * f->schema->struct_bytes))
            return false;
    while (lexer_take(l, ','));
    return lexer_close(l, ']') && into->count >= f->least;
}

static bool wirefast_value(struct wirefast *w, const struct wire_field *f, void *into)
{
    uint64_t *number = into;

    switch (f->type) {
    case WIRE_STRING:
        return wirefast_string(w, f, into);
    case WIRE_ID:
        return wirefast_id(w, into);
    case WIRE_NUMBER:
        return lexer_number(&w->lexer, number) && *number >= f->least && *number <= f->most;
    case WIRE_BOOL:
        return lexer_bool(&w->lexer, into);
    case WIRE_OBJECT:
        return wirefast_object(w, f->schema, into);
    case WIRE_IDS:
        return wirefast_ids(w, f, into);
    case WIRE_JSON:
        return wirefast_json(w, f, into);
    case WIRE_OBJECTS:
        return wirefast_objects(w, f, into);
    }
    return false;
}

/* The field of that name; WIREFAST_FIELDS_MAX: none. */
static uint32_t wirefast_find(const struct wire_schema *s, struct text name)
{
    for (uint32_t k = 0; s->fields[k].name && k < WIREFAST_FIELDS_MAX; k++)
        if (strncmp(s->fields[k].name, name.at, name.bytes) == 0 && !s->fields[k].name[name.bytes])
            return k;
    return WIREFAST_FIELDS_MAX;
}

static bool wirefast_member(struct wirefast *w, const struct wire_schema *s, void *into, uint32_t *seen)
{
    struct text name;

    if (!lexer_name(&w->lexer, &name))
        return false;
    uint32_t k = wirefast_find(s, name);
    if (k == WIREFAST_FIELDS_MAX || (*seen & 1u << k))
        return false;
    *seen |= 1u << k;
    const struct wire_field *f = &s->fields[k];
    if (f->present_offset)
        *(bool *)((char *)into + f->present_offset) = true;
    return wirefast_value(w, f, (char *)into + f->offset);
}

static bool wirefast_object(struct wirefast *w, const struct wire_schema *s, void *into)
{
    struct lexer *l = &w->lexer;
    uint32_t seen = 0;

    if (!lexer_open(l, '{'))
        return false;
    if (!lexer_close(l, '}')) {
        do
            if (!wirefast_member(w, s, into, &seen))
                return false;
        while (lexer_take(l, ','));
        if (!lexer_close(l, '}'))
            return false;
    }
    for (uint32_t k = 0; s->fields[k].name; k++)
        if (s->fields[k].is_required && (k >= WIREFAST_FIELDS_MAX || !(seen & 1u << k)))
            return false;
    return true;
}

bool wirefast_read(const struct wire_schema *s, struct text json, struct arena *arena, void *into)
{
    struct wirefast w = { .lexer = { .at = json.at, .end = json.at + json.bytes }, .arena = arena };

    return json.bytes > 0 && wirefast_object(&w, s, into) && lexer_ends(&w.lexer);
}
