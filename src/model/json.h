/* model/json.h - writing JSON into a buf, piece by piece; valid by construction */
#pragma once
#include "base/buf.h"

/* Commas are put by themselves. Nothing here fails: a buf that overflows says so itself. CHECKs that
 * what is opened is closed in order. Strings must be valid UTF-8 (all that came in was checked). */
enum { JSON_DEPTH_MAX = 16 };
struct json {
    struct buf *to;
    uint32_t depth;
    bool has_items[JSON_DEPTH_MAX];
    char close[JSON_DEPTH_MAX];
};

void json_init(struct json *j, struct buf *to);
void json_object(struct json *j, const char *name);     /* name NULL: at top or inside an array */
void json_array(struct json *j, const char *name);
void json_close(struct json *j);
void json_string(struct json *j, const char *name, struct text value);
void json_id(struct json *j, const char *name, uint64_t id);            /* as a decimal string */
void json_number(struct json *j, const char *name, uint64_t value);     /* below 2^53 */
void json_bool(struct json *j, const char *name, bool value);
void json_null(struct json *j, const char *name);
void json_raw(struct json *j, const char *name, struct text value);     /* a whole JSON value */
/* Members already encoded, without braces, into the open object; empty is fine. */
void json_members(struct json *j, struct text members);
