/* fuzz/fuzz_wire.c - any bytes as a body: refused with a code, or exactly what the schema promises, by either way */
#include "limits.h"
#include "model/json.h"
#include "model/wire.h"

struct part {
    struct text name;
    uint64_t id;
};

struct body {
    struct text text, extra;
    uint64_t id, number;
    bool flag, has_number;
    struct part device;
    struct wire_ids members;
    struct wire_objects list;
};

static const struct wire_field part_fields[] = {
    { .name = "name", .type = WIRE_STRING, .least = 1, .most = 16, .offset = offsetof(struct part, name) },
    { .name = "id", .type = WIRE_ID, .offset = offsetof(struct part, id) },
    { .name = NULL },
};
static const struct wire_schema part_schema = { sizeof(struct part), part_fields };

static const struct wire_field body_fields[] = {
    { .name = "text", .type = WIRE_STRING, .most = 1024, .offset = offsetof(struct body, text) },
    { .name = "extra", .type = WIRE_JSON, .most = 2048, .offset = offsetof(struct body, extra) },
    { .name = "id", .type = WIRE_ID, .offset = offsetof(struct body, id) },
    { .name = "number",
      .type = WIRE_NUMBER,
      .least = 2,
      .most = 1000,
      .offset = offsetof(struct body, number),
      .present_offset = offsetof(struct body, has_number) },
    { .name = "flag", .type = WIRE_BOOL, .offset = offsetof(struct body, flag) },
    { .name = "device",
      .type = WIRE_OBJECT,
      .offset = offsetof(struct body, device),
      .schema = &part_schema },
    { .name = "members", .type = WIRE_IDS, .most = 5, .offset = offsetof(struct body, members) },
    { .name = "list",
      .type = WIRE_OBJECTS,
      .most = 5,
      .offset = offsetof(struct body, list),
      .schema = &part_schema },
    { .name = NULL },
};
static const struct wire_schema body_schema = { sizeof(struct body), body_fields };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void check_text(struct text t, size_t most)
{
    CHECK(t.bytes <= most && wire_is_utf8(t) && (t.bytes == 0 || !memchr(t.at, 0, t.bytes)));
}

static void check_part(const struct part *p)
{
    check_text(p->name, 16);
    CHECK(p->id <= INT64_MAX);
}

/* What was taken, written by our own writer, is taken again and says the same. */
static void check_again(const struct body *b)
{
    struct arena arena = { 0 };
    struct wire_error why;
    struct body again;
    struct buf to;
    struct json j;

    buf_init(&to, LIMIT_JSON_BYTES);
    json_init(&j, &to);
    json_object(&j, NULL);
    json_string(&j, "text", b->text);
    if (b->extra.bytes)
        json_raw(&j, "extra", b->extra);
    if (b->has_number)
        json_number(&j, "number", b->number);
    json_array(&j, "members");
    for (uint32_t k = 0; k < b->members.count; k++)
        json_id(&j, NULL, b->members.at[k]);
    json_close(&j);
    json_close(&j);
    CHECK(!to.overflowed);
    CHECK(wire_read(&body_schema, buf_text(&to), &arena, &again, &why) == ERR_OK);
    CHECK(text_equal(b->text, again.text) && text_equal(b->extra, again.extra) && b->number == again.number);
    CHECK(b->members.count == again.members.count);
    for (uint32_t k = 0; k < b->members.count; k++)
        CHECK(b->members.at[k] == again.members.at[k]);
    buf_fini(&to);
    arena_fini(&arena);
}

static void check_taken(const struct body *b)
{
    check_text(b->text, 1024);
    check_text(b->extra, 2048);
    CHECK(b->has_number ? b->number >= 2 && b->number <= 1000 : b->number == 0);
    check_part(&b->device);
    CHECK(b->members.count <= 5 && b->list.count <= 5);
    for (uint32_t k = 0; k < b->members.count; k++)
        CHECK(b->members.at[k] > 0 && b->members.at[k] <= INT64_MAX);
    for (uint32_t k = 0; k < b->list.count; k++)
        check_part(&((const struct part *)b->list.at)[k]);
    check_again(b);
}

/* The careful way says the same of it as the fast one did, if that took it. */
static void check_carefully(enum err err, const struct body *b, struct text json, struct arena *arena)
{
    struct wire_error why;
    struct body careful;
    enum err careful_err = wire_read_carefully(&body_schema, json, arena, &careful, &why);

    CHECK(err == careful_err || err == ERR_TOO_LARGE);
    if (err)
        return;
    CHECK(text_equal(b->text, careful.text) && b->id == careful.id && b->number == careful.number);
    CHECK(b->flag == careful.flag && b->has_number == careful.has_number);
    CHECK(b->members.count == careful.members.count && b->list.count == careful.list.count);
    for (uint32_t k = 0; k < b->members.count; k++)
        CHECK(b->members.at[k] == careful.members.at[k]);
    CHECK(text_equal(b->device.name, careful.device.name) && b->device.id == careful.device.id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct text json = { (const char *)data, bytes };
    struct arena arena = { 0 };
    struct wire_error why;
    struct body body;
    enum err err = wire_read(&body_schema, json, &arena, &body, &why);

    if (err == ERR_OK)
        check_taken(&body);
    else
        CHECK(err_status(err) == 400 || err == ERR_TOO_LARGE);
    CHECK(memchr(why.field, 0, sizeof why.field) && wire_is_utf8(text_of(why.field)));
    CHECK(err != ERR_BAD_UTF8 || !wire_is_utf8(json));
    check_carefully(err, &body, json, &arena);
    arena_fini(&arena);
    return 0;
}
