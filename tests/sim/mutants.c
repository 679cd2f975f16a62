/* sim/mutants.c - functions of the code under test that a mutant breaks, and chance that is seeded (linked by --wrap) */
#include "live/hub.h"
#include "node/heads.h"
#include "node/heir.h"
#include "node/relay.h"
#include "sim/world.h"

const struct blob *__real_hub_event(const struct hub_watcher *w, struct inbox_seq i);
const struct blob *__wrap_hub_event(const struct hub_watcher *w, struct inbox_seq i);
void __real_heads_ask(struct heads *h, struct user_id user);
void __wrap_heads_ask(struct heads *h, struct user_id user);
void __real_heir_of(struct heir *h, uint32_t id);
void __wrap_heir_of(struct heir *h, uint32_t id);
bool __real_hub_is_settled(const struct hub_watcher *w);
bool __wrap_hub_is_settled(const struct hub_watcher *w);
void __real_relay_look_at_timeline(struct node *n);
void __wrap_relay_look_at_timeline(struct node *n);
struct forwarder *__real_forwarder_new(struct chat *chat, struct links *const *links,
                                       const struct forwarder_calls *calls, void *ctx);
struct forwarder *__wrap_forwarder_new(struct chat *chat, struct links *const *links,
                                       const struct forwarder_calls *calls, void *ctx);
uint64_t __wrap_secret_random_u64(void);

static enum mutant mutant_is(void)
{
    return world_it()->mutant;
}

/* Whatever is the newest is taken for the next one. */
const struct blob *__wrap_hub_event(const struct hub_watcher *w, struct inbox_seq i)
{
    const struct blob *b = __real_hub_event(w, i);

    if (!b && mutant_is() == MUTANT_NO_GAP_CHECK && hub_newest(w).n > i.n)
        b = __real_hub_event(w, hub_newest(w));
    return b;
}

void __wrap_heads_ask(struct heads *h, struct user_id user)
{
    if (mutant_is() != MUTANT_NO_ANTI_ENTROPY)
        __real_heads_ask(h, user);
}

void __wrap_heir_of(struct heir *h, uint32_t id)
{
    if (mutant_is() != MUTANT_NO_HEIR)
        __real_heir_of(h, id);
}

bool __wrap_hub_is_settled(const struct hub_watcher *w)
{
    return mutant_is() == MUTANT_READ_FIRST || __real_hub_is_settled(w);
}

/* A failover is noticed only with the next event. */
void __wrap_relay_look_at_timeline(struct node *n)
{
    if (mutant_is() != MUTANT_STALE_TAIL)
        __real_relay_look_at_timeline(n);
}

/* Requests are numbered from the same number in every life of a node. */
struct forwarder *__wrap_forwarder_new(struct chat *chat, struct links *const *links,
                                       const struct forwarder_calls *calls, void *ctx)
{
    struct world *w = world_it();

    w->is_unlucky = w->mutant == MUTANT_FORMER_LIFE;
    struct forwarder *f = __real_forwarder_new(chat, links, calls, ctx);
    w->is_unlucky = false;
    return f;
}

uint64_t __wrap_secret_random_u64(void)
{
    return world_it()->is_unlucky ? 0 : world_between(0, UINT64_MAX - 1);
}
