/* store/effect.h - what changes together with the events of a batch: members, titles, read marks */
#pragma once
#include "store/batch.h"
#include "store/encode.h"
#include "store/sql.h"

struct effect_row {
    enum append_effect_kind kind;
    uint64_t user, conversation, number;
    uint16_t role, conversation_kind;
    struct text text;
};
struct effects {
    struct effect_row *row;
    uint32_t count;
    uint32_t next;                          /* which statement effect_next() makes next */
};

/* All effects of the batch's run, and the members and titles of its new conversations; sorted, one for each key. */
void effect_collect(struct effects *f, const struct batch *b);
void effect_fini(struct effects *f);
/* The next statement with its parameters, or false when there are no more. */
bool effect_next(struct effects *f, struct encode *e, enum sql *q);
