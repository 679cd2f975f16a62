/* store/encode.h - the parameters of a statement in Postgres's binary format */
#pragma once
#include "base/text.h"
#include <stdint.h>

enum { ENCODE_PARAMS_MAX = 14 };

/* All zero is a valid empty one. The memory is kept from one statement to the next. */
struct encode {
    char *at;
    size_t bytes, room;
    uint32_t count;                         /* parameters so far */
    size_t begin[ENCODE_PARAMS_MAX];
    size_t end[ENCODE_PARAMS_MAX];
};

enum encode_type { ENCODE_INT2 = 21, ENCODE_INT4 = 23, ENCODE_INT8 = 20, ENCODE_TEXT = 25, ENCODE_BYTEA = 17 };

void encode_reset(struct encode *e);        /* no parameters, for the next statement */
void encode_fini(struct encode *e);

/* The next parameter: a number, a text or bytes. Numbers must fit into an int8. */
void encode_int8(struct encode *e, uint64_t n);
void encode_text(struct encode *e, struct text t);

/* The next parameter: an array of count items, which must follow, each by one of the calls below. */
void encode_array(struct encode *e, enum encode_type type, uint32_t count);
void encode_item_int8(struct encode *e, uint64_t n);
void encode_item_int4(struct encode *e, uint32_t n);
void encode_item_int2(struct encode *e, uint16_t n);
void encode_item_text(struct encode *e, struct text t);
void encode_item_null(struct encode *e);
