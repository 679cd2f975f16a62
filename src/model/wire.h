/* model/wire.h - reading JSON by a schema (Jansson's only home): type, range, unknown and duplicate fields, depth */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"
#include <stdint.h>

enum wire_type {
    WIRE_STRING,        /* struct text; least..most bytes */
    WIRE_ID,            /* uint64_t, from a decimal string */
    WIRE_NUMBER,        /* uint64_t, integer in least..most; most <= 2^53-1 */
    WIRE_BOOL,          /* bool */
    WIRE_OBJECT,        /* a struct by its own schema, inline at the field's place */
    WIRE_IDS,           /* struct wire_ids: an array of ids; least..most of them */
    WIRE_JSON,          /* struct text: the value's JSON, as it stands or compact; most bytes */
    WIRE_OBJECTS,       /* struct wire_objects: an array by schema; least..most of them */
};

struct wire_ids { uint64_t *at; uint32_t count; };
struct wire_objects { void *at; uint32_t count; };      /* structs of schema->struct_bytes each */

struct wire_field {
    const char *name;
    enum wire_type type;
    bool is_required;
    uint64_t least, most;
    size_t offset;                  /* of the value in the struct */
    size_t present_offset;          /* of a bool that says whether it was there; 0: nobody asks */
    const struct wire_schema *schema;       /* of WIRE_OBJECT and WIRE_OBJECTS */
};

struct wire_schema {
    size_t struct_bytes;
    const struct wire_field *fields;        /* ended by name == NULL */
};

struct wire_error { char field[64]; };      /* "body.text", or empty: the whole */

/* Reads a JSON object into *into (zeroed first). Strings and arrays live in the arena. Errors:
 * TOO_LARGE, BAD_UTF8, BAD_JSON, TOO_DEEP, DUPLICATE_FIELD, UNKNOWN_FIELD, MISSING_FIELD, BAD_TYPE,
 * OUT_OF_RANGE. Depth is checked before Jansson sees a byte. null is a value of the wrong type. Strings
 * with U+0000 are OUT_OF_RANGE. */
MUST_USE enum err wire_read(const struct wire_schema *s, struct text json, struct arena *arena,
                            void *into, struct wire_error *why);
/* The same for what may be longer than LIMIT_JSON_BYTES. */
MUST_USE enum err wire_read_up_to(const struct wire_schema *s, struct text json, size_t bytes_max,
                                  struct arena *arena, void *into, struct wire_error *why);
/* The same again, whatever its length, by Jansson alone: what wire_read() falls back on. */
MUST_USE enum err wire_read_carefully(const struct wire_schema *s, struct text json, struct arena *arena,
                                      void *into, struct wire_error *why);
MUST_USE bool wire_is_utf8(struct text t);
