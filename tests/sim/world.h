/* sim/world.h - fake time, what happens when, and chance: all of it from one seed
 *
 * One queue holds whatever will happen, to a node or outside of all nodes. What happens to a node becomes a turn of
 * it; what was meant for a node that died meanwhile does not happen.
 */
#pragma once
#include "sim/dice.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WORLD_NODES = 5,
    WORLD_TEXT = 160,
};
#define WORLD_OUTSIDE UINT32_MAX    /* happens to no node: in Postgres, on the network, at a client */
#define WORLD_MS UINT64_C(1000)
#define WORLD_S UINT64_C(1000000)
#define WORLD_UNIX_MS UINT64_C(1780000000000)   /* the wall clock at its beginning */

/* Rules that are broken on purpose, to see that it is noticed. */
enum mutant {
    MUTANT_NONE,
    MUTANT_ACK_BEFORE_COMMIT,
    MUTANT_NO_GAP_CHECK,
    MUTANT_NO_DEDUP,
    MUTANT_NEW_KEY,
    MUTANT_NO_ANTI_ENTROPY,
    MUTANT_LATE_VISIBLE,
    MUTANT_NO_EPOCH,
    MUTANT_NO_TIMELINE,
    MUTANT_UNKNOWN_IS_OK,
    MUTANT_STALE_TAIL,
    MUTANT_HOME_FORGETS,
    MUTANT_FRAMES_LOST,
    MUTANTS_FOUND,                  /* within 200 seeds; what follows takes some thousands */
    MUTANT_FORMER_LIFE = MUTANTS_FOUND,
    MUTANT_NO_HEIR,
    MUTANT_READ_FIRST,
    MUTANT_NOT_HANDED_ON,
    MUTANTS
};

typedef void world_fn(void *ctx);
struct world_event {
    uint64_t at_us, order;          /* of one moment: by chance */
    uint32_t node;
    uint64_t era;                   /* of the node */
    world_fn *fn;
    void *ctx;
};

struct world {
    uint64_t seed, now_us;
    struct dice dice;
    struct world_event *event;      /* a heap */
    uint32_t count, room;
    uint64_t era[WORLD_NODES];      /* odd: the node lives; every start and every death raises it */
    uint64_t pause_us[WORLD_NODES]; /* it stands still until then */
    uint64_t postponed;             /* events, for that */
    void (*turn)(uint32_t node, world_fn *fn, void *ctx);   /* something happens to a node */
    uint64_t cut_us[WORLD_NODES][WORLD_NODES];      /* one can't reach the other until then */
    uint32_t link_bytes_max;        /* of frames to one peer that it has not acknowledged */
    uint64_t trace;                 /* of everything told: the same in every run of a seed */
    bool is_unlucky;                /* the same number comes each time */
    bool is_large;                  /* as with so many users that each is checked seldom */
    bool is_loud, is_calm;          /* calm: nothing breaks, nobody is slow */
    enum mutant mutant;
    uint32_t violations;
    char first[WORLD_TEXT];         /* what was wrong first */
};

void world_begin(struct world *w, uint64_t seed);
/* The one that is; fakes that are called without a context find it here. */
struct world *world_it(void);
uint32_t world_below(uint32_t bound);
bool world_chance(uint32_t of_thousand);
uint64_t world_between(uint64_t least, uint64_t most);
/* fn(ctx) happens in delay_us, to node or WORLD_OUTSIDE. */
void world_at(uint64_t delay_us, uint32_t node, world_fn *fn, void *ctx);
bool world_is_alive(uint32_t node);
/* The next thing happens; false: nothing is left, or it would be later than until_us. */
bool world_step(struct world *w, uint64_t until_us);
/* Something worth telling: part of the trace, and printed when it is loud. */
void world_tell(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A promise is broken. */
void world_violated(const char *format, ...) __attribute__((format(printf, 1, 2)));
