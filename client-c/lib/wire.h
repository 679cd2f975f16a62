/* lib/wire.h - JSON out and in (Jansson's only home in the client) */
#pragma once
#include "lib/check.h"
#include "posthorn.h"

/* struct posthorn_answer is a parsed JSON object and the memory of what was read out of it. */

/* NULL: not a JSON object. json may be NULL when bytes is 0: an empty object. */
MUST_USE struct posthorn_answer *wire_parse(const char *json, size_t bytes);
void wire_free(struct posthorn_answer **a);
/* The whole on one line. */
const char *wire_json(const struct posthorn_answer *a);
/* A member of the top level; NULL or 0 when it is missing or of another type. */
const char *wire_string(const struct posthorn_answer *a, const char *name);
uint64_t wire_number(const struct posthorn_answer *a, const char *name);
/* Member `name` of object `object` at the top level (NULL: the top level itself). */
const char *wire_inner(const struct posthorn_answer *a, const char *object, const char *name);
/* Member `object` of the top level as an answer of its own; NULL: there is none. */
struct posthorn_answer *wire_part(const struct posthorn_answer *a, const char *object);
/* Element n of array `name` of the top level as an answer of its own; NULL: there is none, or it is no object. */
struct posthorn_answer *wire_item(const struct posthorn_answer *a, const char *name, size_t n);
/* Whether the top level has a member that is an array. */
bool wire_has_array(const struct posthorn_answer *a, const char *name);
/* Of an event's tree. */
const char *wire_tree_string(const void *tree, const char *name);

/* Arrays at the top level, as structs that live as long as the answer; false: missing, or an element is not
 * what the server promised. */
MUST_USE bool wire_events(struct posthorn_answer *a, const char *name, const struct posthorn_event **at,
                          size_t *count);
MUST_USE bool wire_conversations(struct posthorn_answer *a, const struct posthorn_conversation **at,
                                 size_t *count);
MUST_USE bool wire_devices(struct posthorn_answer *a, const char *name, const struct posthorn_device **at,
                           size_t *count);
/* Which one is in use is not known here. */
MUST_USE bool wire_nodes(struct posthorn_answer *a, struct posthorn_node **at, size_t *count);
MUST_USE bool wire_members(struct posthorn_answer *a, const struct posthorn_member **at, size_t *count);
/* The answer itself, or its member `object`, as one struct. */
MUST_USE bool wire_account(const struct posthorn_answer *a, const char *object,
                           struct posthorn_account *into);
MUST_USE bool wire_conversation(const struct posthorn_answer *a, struct posthorn_conversation *into);
/* Moves the elements of from's array to the end of a's. */
void wire_append(struct posthorn_answer *a, const char *name, struct posthorn_answer *from);

enum wire_kind { WIRE_TEXT, WIRE_NUMBER, WIRE_TEXTS, WIRE_JSON };

struct wire_member {
    const char *name;
    enum wire_kind kind;
    const char *text;           /* WIRE_TEXT, WIRE_JSON; NULL: leave the member out */
    size_t text_bytes;          /* of WIRE_TEXT; 0: it ends with 0 */
    uint64_t number;
    const char *const *texts;   /* WIRE_TEXTS */
    size_t count;
};

/* A JSON object on one line, a string of the caller's; NULL: a text is not UTF-8. */
char *wire_object(const struct wire_member *members, size_t count);
#define WIRE_OBJECT(...)                                                                                     \
    wire_object((const struct wire_member[]){ __VA_ARGS__ },                                                 \
                sizeof((const struct wire_member[]){ __VA_ARGS__ }) / sizeof(struct wire_member))
