/* faults/devices/crowd.c - who is in which conversation, and groups whose members come and go */
#include "devices/crowd.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { CROWD_THREADS = 4, CROWD_PAUSE_MS = 300 };

static const uint32_t sizes[] = { 3, 3, 4, 5, 6, 8, 12, 20, 50, 100 };

struct crowd_share {
    struct crowd *crowd;
    uint32_t first, from, to;
    void (*work)(struct crowd *c, uint32_t n);
};

static void *crowd_work(void *context)
{
    struct crowd_share *s = context;
    for (uint32_t n = s->from + s->first; n < s->to; n += CROWD_THREADS)
        s->work(s->crowd, n);
    return NULL;
}

/* Several at the same time, as each waits for its answer. */
static void crowd_share_out(struct crowd *c, uint32_t from, uint32_t to,
                            void (*work)(struct crowd *c, uint32_t n))
{
    struct crowd_share share[CROWD_THREADS];
    pthread_t thread[CROWD_THREADS];
    for (uint32_t k = 0; k < CROWD_THREADS; k++) {
        share[k] = (struct crowd_share){ c, k, from, to, work };
        if (pthread_create(&thread[k], NULL, crowd_work, &share[k]))
            abort();
    }
    for (uint32_t k = 0; k < CROWD_THREADS; k++)
        pthread_join(thread[k], NULL);
}

static void crowd_login(struct crowd *c, uint32_t n)
{
    char handle[32];
    uint32_t accounts = c->options->accounts;
    snprintf(handle, sizeof handle, "d%u", n % accounts);
    device_enter(&c->device[n], c->options, n, handle, n < accounts);
}

static void crowd_fail(const struct device *d, const char *what)
{
    fprintf(stderr, "posthorn-devices: %s: %s\n", what, posthorn_why(d->p)->detail);
    exit(2);
}

static void crowd_pair(struct crowd *c, uint32_t a)
{
    uint32_t accounts = c->options->accounts;
    for (uint32_t k = 0; k < CROWD_DIRECTS; k++) {
        char other[24];
        uint32_t b = (a + 1 + k * (1 + accounts / 7)) % accounts;
        if (b == a)
            continue;
        snprintf(other, sizeof other, "%" PRIu64, c->device[b].account);
        if (posthorn_conversation_direct(c->device[a].p, other, c->direct[a][k]) != POSTHORN_OK)
            crowd_fail(&c->device[a], "a conversation");
    }
}

static void crowd_group(struct crowd *c, struct crowd_group *g, uint32_t size, unsigned *seed)
{
    uint32_t accounts = c->options->accounts, count = 0;
    char ids[100][24];
    const char *member[100];
    g->has = calloc(accounts, sizeof *g->has);
    g->size = size - 1 < accounts ? size - 1 : accounts; /* the owner is one of them */
    while (count < g->size) {
        uint32_t a = (uint32_t)rand_r(seed) % accounts;
        if (atomic_exchange(&g->has[a], true))
            continue;
        snprintf(ids[count], sizeof ids[count], "%" PRIu64, c->device[a].account);
        member[count] = ids[count];
        count++;
    }
    if (posthorn_conversation_group(c->owner.p, "campaign", member, count, g->id) != POSTHORN_OK)
        crowd_fail(&c->owner, "a group");
}

void crowd_enter(struct crowd *c, const struct options *o)
{
    unsigned seed = o->seed;
    *c = (struct crowd){ .options = o };
    c->device = calloc(o->devices, sizeof *c->device);
    c->direct = calloc(o->accounts, sizeof *c->direct);
    crowd_share_out(c, 0, o->accounts, crowd_login);
    crowd_share_out(c, o->accounts, o->devices, crowd_login);
    device_enter(&c->owner, o, o->devices, "owner", true);
    crowd_share_out(c, 0, o->accounts, crowd_pair);
    for (uint32_t k = 0; k < o->groups; k++)
        crowd_group(c, &c->group[k], sizes[k % (sizeof sizes / sizeof *sizes)], &seed);
}

static void *crowd_changes(void *context)
{
    struct crowd *c = context;
    unsigned seed = c->options->seed + 1;
    while (!atomic_load(&c->is_over)) {
        struct crowd_group *g = &c->group[(uint32_t)rand_r(&seed) % c->options->groups];
        uint32_t a = (uint32_t)rand_r(&seed) % c->options->accounts;
        bool is_in = atomic_load(&g->has[a]);
        char id[24];
        snprintf(id, sizeof id, "%" PRIu64, c->device[a].account);
        /* What fails is tried again some time: nobody relies on it. Who is out is not chosen any more before he is. */
        if (is_in) {
            atomic_store(&g->has[a], false);
            (void)posthorn_member_remove(c->owner.p, g->id, id);
        } else if (posthorn_member_put(c->owner.p, g->id, id, "member") == POSTHORN_OK) {
            atomic_store(&g->has[a], true);
        }
        nanosleep(&(struct timespec){ .tv_nsec = CROWD_PAUSE_MS * 1000 * 1000 }, NULL);
    }
    return NULL;
}

void crowd_change(struct crowd *c)
{
    if (c->options->groups && pthread_create(&c->thread, NULL, crowd_changes, c))
        abort();
    c->is_changing = c->options->groups != 0;
}

void crowd_stop(struct crowd *c)
{
    atomic_store(&c->is_over, true);
    if (c->is_changing)
        pthread_join(c->thread, NULL);
    c->is_changing = false;
}

static struct device *crowd_device_of(struct crowd *c, uint32_t account, unsigned *seed)
{
    const struct options *o = c->options;
    uint32_t count = (o->devices - account + o->accounts - 1) / o->accounts;
    return &c->device[account + o->accounts * ((uint32_t)rand_r(seed) % count)];
}

/* NULL: the dice did not find anybody. */
static struct device *crowd_choose_in_group(struct crowd *c, unsigned *seed, const char **conversation)
{
    const struct options *o = c->options;
    for (int tries = 0; tries < 50 && o->groups; tries++) {
        struct crowd_group *g = &c->group[(uint32_t)rand_r(seed) % o->groups];
        uint32_t a = (uint32_t)rand_r(seed) % o->accounts;
        if ((uint32_t)rand_r(seed) % (g->size + 1) > 4 || !atomic_load(&g->has[a]))
            continue;
        *conversation = g->id;
        return crowd_device_of(c, a, seed);
    }
    return NULL;
}

struct device *crowd_choose(struct crowd *c, unsigned *seed, const char **conversation)
{
    const struct options *o = c->options;
    struct device *d = NULL;
    if ((uint32_t)rand_r(seed) % 10 >= 7)
        d = crowd_choose_in_group(c, seed, conversation);
    while (!d) {
        uint32_t a = (uint32_t)rand_r(seed) % o->accounts;
        *conversation = c->direct[a][(uint32_t)rand_r(seed) % CROWD_DIRECTS];
        if (**conversation)
            d = crowd_device_of(c, a, seed);
    }
    return d;
}

void crowd_leave(struct crowd *c)
{
    for (uint32_t n = 0; n < c->options->devices; n++)
        device_leave(&c->device[n]);
    device_leave(&c->owner);
    for (uint32_t k = 0; k < c->options->groups; k++)
        free(c->group[k].has);
    free(c->device);
    free(c->direct);
}
