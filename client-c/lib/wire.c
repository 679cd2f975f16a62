/* lib/wire.c - JSON out and in (Jansson's only home in the client) */
#include "lib/wire.h"
#include "lib/buf.h"
#include <jansson.h>
#include <string.h>

struct chunk {
    struct chunk *next;
    max_align_t bytes[];
};

struct posthorn_answer {
    json_t *root;
    char *text; /* the whole on one line */
    struct chunk *chunks; /* arrays handed out */
    struct strings *strings;
};

struct strings {
    struct strings *next;
    char *text; /* of json_dumps() */
};

static void write_text(struct posthorn_answer *a)
{
    free(a->text);
    a->text = json_dumps(a->root, JSON_COMPACT);
    if (!a->text)
        abort();
}

struct posthorn_answer *wire_parse(const char *json, size_t bytes)
{
    json_t *root =
        bytes ? json_loadb(json, bytes, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL) : json_object();
    if (!json_is_object(root)) {
        json_decref(root);
        return NULL;
    }
    struct posthorn_answer *a = buf_zeroed(1, sizeof *a);
    a->root = root;
    write_text(a);
    return a;
}

void wire_free(struct posthorn_answer **a)
{
    if (!*a)
        return;
    for (struct chunk *c = (*a)->chunks, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    for (struct strings *s = (*a)->strings, *next; s; s = next) {
        next = s->next;
        free(s->text);
        free(s);
    }
    free((*a)->text);
    json_decref((*a)->root);
    free(*a);
    *a = NULL;
}

static void *array_new(struct posthorn_answer *a, size_t count, size_t bytes)
{
    CHECK(count < (size_t)1 << 32 && bytes < 4096);
    struct chunk *c = buf_zeroed(1, sizeof *c + count * bytes);
    c->next = a->chunks;
    a->chunks = c;
    return c->bytes;
}

static const char *line_of(struct posthorn_answer *a, const json_t *tree)
{
    struct strings *s = buf_zeroed(1, sizeof *s);
    s->text = json_dumps(tree, JSON_COMPACT);
    if (!s->text)
        abort();
    s->next = a->strings;
    a->strings = s;
    return s->text;
}

const char *wire_json(const struct posthorn_answer *a)
{
    return a->text;
}

const char *wire_tree_string(const void *tree, const char *name)
{
    return json_string_value(json_object_get(tree, name));
}

/* A place in a sequence, or another number that can't be negative. */
static uint64_t tree_number(const json_t *tree, const char *name)
{
    json_int_t n = json_integer_value(json_object_get(tree, name));
    return n > 0 ? (uint64_t)n : 0;
}

const char *wire_string(const struct posthorn_answer *a, const char *name)
{
    return wire_tree_string(a->root, name);
}

uint64_t wire_number(const struct posthorn_answer *a, const char *name)
{
    return tree_number(a->root, name);
}

const char *wire_inner(const struct posthorn_answer *a, const char *object, const char *name)
{
    return wire_tree_string(object ? json_object_get(a->root, object) : a->root, name);
}

static struct posthorn_answer *share(json_t *root)
{
    if (!json_is_object(root))
        return NULL;
    struct posthorn_answer *part = buf_zeroed(1, sizeof *part);
    part->root = json_incref(root);
    write_text(part);
    return part;
}

struct posthorn_answer *wire_part(const struct posthorn_answer *a, const char *object)
{
    return share(json_object_get(a->root, object));
}

struct posthorn_answer *wire_item(const struct posthorn_answer *a, const char *name, size_t n)
{
    return share(json_array_get(json_object_get(a->root, name), n));
}

bool wire_has_array(const struct posthorn_answer *a, const char *name)
{
    return json_is_array(json_object_get(a->root, name));
}

static bool read_event(struct posthorn_answer *a, const json_t *tree, void *into)
{
    struct posthorn_event *e = into;
    *e = (struct posthorn_event){
        .i = tree_number(tree, "i"),
        .type = wire_tree_string(tree, "t"),
        .conversation = wire_tree_string(tree, "c"),
        .seq = tree_number(tree, "seq"),
        .id = wire_tree_string(tree, "id"),
        .from = wire_tree_string(tree, "from"),
        .at = wire_tree_string(tree, "at"),
        .key = wire_tree_string(tree, "key"),
        .text = wire_tree_string(tree, "text"),
        .reply_to = tree_number(tree, "reply_to"),
        .tree = tree,
    };
    if (!e->type)
        return false;
    e->json = line_of(a, tree);
    return true;
}

static bool read_conversation(struct posthorn_answer *a, const json_t *tree, void *into)
{
    (void)a;
    const json_t *last = json_object_get(tree, "last_message");
    struct posthorn_conversation *c = into;
    *c = (struct posthorn_conversation){
        .id = wire_tree_string(tree, "id"),
        .kind = wire_tree_string(tree, "kind"),
        .title = wire_tree_string(tree, "title"),
        .role = wire_tree_string(tree, "role"),
        .peer = wire_tree_string(tree, "with"),
        .members_count = tree_number(tree, "members_count"),
        .last_seq = tree_number(tree, "last_seq"),
        .read_seq = tree_number(tree, "read_seq"),
        .unread = tree_number(tree, "unread"),
        .last_text = wire_tree_string(last, "text"),
        .last_from = wire_tree_string(last, "from"),
    };
    return c->id && c->kind;
}

static bool read_device(struct posthorn_answer *a, const json_t *tree, void *into)
{
    (void)a;
    struct posthorn_device *d = into;
    *d = (struct posthorn_device){
        .id = wire_tree_string(tree, "id"),
        .name = wire_tree_string(tree, "name"),
        .platform = wire_tree_string(tree, "platform"),
        .seen_at = wire_tree_string(tree, "seen_at"),
        .is_current = json_is_true(json_object_get(tree, "current")),
    };
    return d->id != NULL;
}

static bool read_member(struct posthorn_answer *a, const json_t *tree, void *into)
{
    (void)a;
    struct posthorn_member *m = into;
    *m = (struct posthorn_member){
        .user = wire_tree_string(tree, "user"),
        .role = wire_tree_string(tree, "role"),
    };
    return m->user != NULL;
}

static bool read_node(struct posthorn_answer *a, const json_t *tree, void *into)
{
    (void)a;
    struct posthorn_node *n = into;
    double load = json_number_value(json_object_get(tree, "load"));
    *n = (struct posthorn_node){
        .url = wire_tree_string(tree, "url"),
        .region = wire_tree_string(tree, "region"),
        .load = load > 0 && load < 1e9 ? (uint64_t)load : 0,
    };
    return n->url != NULL;
}

/* Reads each element of an array by one of the functions above. */
static bool read_array(struct posthorn_answer *a, const char *name, size_t bytes,
                       bool (*read)(struct posthorn_answer *, const json_t *, void *), void **at,
                       size_t *count)
{
    const json_t *array = json_object_get(a->root, name);
    if (!json_is_array(array))
        return false;
    *count = json_array_size(array);
    *at = array_new(a, *count, bytes);
    for (size_t n = 0; n < *count; n++)
        if (!read(a, json_array_get(array, n), (char *)*at + n * bytes))
            return false;
    return true;
}

bool wire_events(struct posthorn_answer *a, const char *name, const struct posthorn_event **at, size_t *count)
{
    void *items;
    bool is_read = read_array(a, name, sizeof **at, read_event, &items, count);
    *at = is_read ? items : NULL;
    return is_read;
}

bool wire_conversations(struct posthorn_answer *a, const struct posthorn_conversation **at, size_t *count)
{
    void *items;
    bool is_read = read_array(a, "conversations", sizeof **at, read_conversation, &items, count);
    *at = is_read ? items : NULL;
    return is_read;
}

bool wire_devices(struct posthorn_answer *a, const char *name, const struct posthorn_device **at,
                  size_t *count)
{
    void *items;
    bool is_read = read_array(a, name, sizeof **at, read_device, &items, count);
    *at = is_read ? items : NULL;
    return is_read;
}

bool wire_nodes(struct posthorn_answer *a, struct posthorn_node **at, size_t *count)
{
    void *items;
    bool is_read = read_array(a, "nodes", sizeof **at, read_node, &items, count);
    *at = is_read ? items : NULL;
    return is_read;
}

bool wire_members(struct posthorn_answer *a, const struct posthorn_member **at, size_t *count)
{
    void *items;
    bool is_read = read_array(a, "members", sizeof **at, read_member, &items, count);
    *at = is_read ? items : NULL;
    return is_read;
}

bool wire_account(const struct posthorn_answer *a, const char *object, struct posthorn_account *into)
{
    *into = (struct posthorn_account){
        .id = wire_inner(a, object, "id"),
        .handle = wire_inner(a, object, "handle"),
        .name = wire_inner(a, object, "name"),
    };
    return into->id && into->handle;
}

bool wire_conversation(const struct posthorn_answer *a, struct posthorn_conversation *into)
{
    return read_conversation(NULL, a->root, into);
}

void wire_append(struct posthorn_answer *a, const char *name, struct posthorn_answer *from)
{
    json_array_extend(json_object_get(a->root, name), json_object_get(from->root, name));
    write_text(a);
}

static json_t *value_of(const struct wire_member *m)
{
    json_t *array;
    switch (m->kind) {
    case WIRE_TEXT:
        return m->text_bytes ? json_stringn(m->text, m->text_bytes) : json_string(m->text);
    case WIRE_NUMBER:
        return json_integer((json_int_t)m->number);
    case WIRE_JSON:
        return json_loads(m->text, JSON_DECODE_ANY, NULL);
    case WIRE_TEXTS:
        array = json_array();
        for (size_t n = 0; n < m->count; n++)
            if (json_array_append_new(array, json_string(m->texts[n]))) {
                json_decref(array);
                return NULL;
            }
        return array;
    }
    return NULL;
}

char *wire_object(const struct wire_member *members, size_t count)
{
    json_t *root = json_object();
    char *line = NULL;
    bool is_made = true;
    for (size_t n = 0; n < count && is_made; n++) {
        const struct wire_member *m = members + n;
        bool is_left_out = (m->kind == WIRE_TEXT || m->kind == WIRE_JSON) && !m->text;
        is_made = is_left_out || json_object_set_new(root, m->name, value_of(m)) == 0;
    }
    if (is_made)
        line = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    return line;
}
