/* net/answer.h - the head of an answer, from the handler's fields to the text of HTTP/1.1 */
#pragma once
#include "base/pool.h"
#include "net/exchange.h"

enum answer_kind {
    ANSWER_WHOLE,                   /* its length is known */
    ANSWER_PIECES,
    ANSWER_TUNNEL,
};

struct answer {
    int status;
    enum answer_kind kind;
    size_t length;                  /* bytes, of a whole one */
    size_t fields_count;
    struct exchange_field fields[]; /* their texts stand behind them */
};

/* Copies what the handler gave, into a block of pool; CHECKs it as exchange_respond() promises. */
struct answer *answer_new(struct pool *pool, int status, enum answer_kind kind,
                          const struct exchange_field *fields, size_t count);
void answer_free(struct pool *pool, struct answer **a);     /* to the same pool; NULL is fine */
/* What goes with it beside its own fields; returns the count. date: of now. */
enum { ANSWER_STANDARD_FIELDS = 5, ANSWER_LENGTH_BYTES = 20 };
size_t answer_standard_fields(const struct answer *a, struct text date, char length[static ANSWER_LENGTH_BYTES],
                              struct exchange_field into[static ANSWER_STANDARD_FIELDS]);
/* The head as HTTP/1.1 wants it, with the lines of framing as they are; returns its bytes. room must hold more
 * than twice EXCHANGE_FIELDS_BYTES. */
size_t answer_text(const struct answer *a, struct text date, const char *framing, char *into, size_t room);
/* Whether the handler's fields have one of this name. */
bool answer_names(const struct answer *a, const char *name);
