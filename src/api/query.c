/* api/query.c - name=value pairs, percent-decoded (application/x-www-form-urlencoded) */
#include "api/query.h"

static int query_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decoded into the arena; at NULL: broken. */
static struct text query_decode(struct text t, struct arena *arena)
{
    char *at = arena_alloc(arena, t.bytes + 1);
    size_t n = 0;

    for (size_t k = 0; k < t.bytes; k++) {
        char c = t.at[k] == '+' ? ' ' : t.at[k];
        if (t.at[k] == '%') {
            int high = k + 2 < t.bytes ? query_hex(t.at[k + 1]) : -1;
            int low = high >= 0 ? query_hex(t.at[k + 2]) : -1;
            if (high < 0 || low < 0)
                return (struct text){ 0 };
            c = (char)(high << 4 | low);
            k += 2;
        }
        if (c == 0)
            return (struct text){ 0 };
        at[n++] = c;
    }
    struct text decoded = { at, n };
    return wire_is_utf8(decoded) ? decoded : (struct text){ 0 };
}

static bool query_number(struct text t, uint64_t *n)
{
    *n = 0;
    if (t.bytes == 0 || t.bytes > 18)
        return false;
    for (size_t k = 0; k < t.bytes; k++) {
        if (t.at[k] < '0' || t.at[k] > '9')
            return false;
        *n = *n * 10 + (uint64_t)(t.at[k] - '0');
    }
    return true;
}

static enum err query_take(struct call_param *p, struct text value)
{
    if (p->text.at)
        return ERR_DUPLICATE_FIELD;
    if (!value.at)
        return ERR_OUT_OF_RANGE;
    p->text = value;
    if (!p->is_number)
        return ERR_OK;
    if (!query_number(value, &p->number))
        return ERR_BAD_TYPE;
    return p->number < p->least || p->number > p->most ? ERR_OUT_OF_RANGE : ERR_OK;
}

static struct call_param *query_find(struct call_param *params, struct text name)
{
    for (struct call_param *p = params; p->name; p++) {
        if (text_equal(name, text_of(p->name)))
            return p;
    }
    return NULL;
}

static enum err query_pair(struct text pair, struct arena *arena, struct call_param *params,
                           const char **name)
{
    const char *equals = memchr(pair.at, '=', pair.bytes);
    size_t bytes = equals ? (size_t)(equals - pair.at) : pair.bytes;
    struct text key = query_decode((struct text){ pair.at, bytes }, arena);
    struct text value = { pair.at + bytes, 0 };

    *name = key.at;
    if (!key.at)
        return ERR_OUT_OF_RANGE;
    struct call_param *p = query_find(params, key);
    if (!p)
        return ERR_UNKNOWN_FIELD;
    if (equals)
        value = (struct text){ equals + 1, pair.bytes - bytes - 1 };
    return query_take(p, query_decode(value, arena));
}

enum err query_read(struct text query, struct arena *arena, struct call_param *params, const char **name)
{
    while (query.bytes > 0) {
        const char *and = memchr(query.at, '&', query.bytes);
        struct text pair = { query.at, and? (size_t)(and-query.at) : query.bytes };
        if (pair.bytes > 0) {
            enum err err = query_pair(pair, arena, params, name);
            if (err)
                return err;
        }
        size_t used = pair.bytes + (and != NULL);
        query = (struct text){ query.at + used, query.bytes - used };
    }
    for (struct call_param *p = params; p->name; p++) {
        *name = p->name;
        if (p->is_required && !p->text.at)
            return ERR_MISSING_FIELD;
    }
    return ERR_OK;
}
