/* load/setup.h - the accounts, sessions and direct conversations that a load needs, made before anything is measured */
#pragma once
#include "load/link.h"

enum { SETUP_TOKEN_BYTES = 128, SETUP_ID_BYTES = 24 };

struct setup_account {
    char handle[32], id[SETUP_ID_BYTES], token[SETUP_TOKEN_BYTES];
};
/* One who sends, and one or more who receive. */
struct setup_pair {
    struct setup_account from, *to;
    uint32_t to_count;
    char conversation[SETUP_ID_BYTES];
};
struct setup_pair *setup_pairs_new(uint32_t count, uint32_t to_count);
/* One pair of them gets another number of receivers, before setup_pairs(). */
void setup_pair_resize(struct setup_pair *pair, uint32_t to_count);
void setup_pairs_free(struct setup_pair **pair, uint32_t count);

/* Where accounts come from: file, where it holds enough (their database must be the same); else they are made, in bulk
 * if the server's database is told, and written to file. Both may be NULL. */
struct setup_from {
    const char *file, *conninfo;
};

/* Fills count pairs, of at most to_count receivers: direct conversations when one receives, else groups. False: it
 * did not work, and stderr says why. */
bool setup_pairs(const struct link_target *t, struct setup_pair *pair, uint32_t count, uint32_t to_count,
                 struct setup_from from);
/* The same for single accounts, without conversations. */
bool setup_accounts(const struct link_target *t, struct setup_account *account, uint32_t count,
                    struct setup_from from);
