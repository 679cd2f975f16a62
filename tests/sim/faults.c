/* sim/faults.c - what goes wrong, when, from the seed */
#include "sim/faults.h"
#include "base/check.h"
#include "sim/edge.h"
#include "sim/fakelinks.h"

static void faults_next(void *ctx);

static void faults_restart(void *ctx)
{
    uint32_t process = (uint32_t)(uintptr_t)ctx;

    if (world_it()->era[process] & 1) {
        world_at(100 * WORLD_MS, WORLD_OUTSIDE, faults_restart, ctx);
        return;
    }
    edge_start(process);
}

static void faults_kill(struct faults *f, uint32_t p)
{
    (void)f;
    if (!edge_is_up(p))
        return;
    edge_kill(p, world_chance(500));
    world_at(world_between(100, world_chance(500) ? 500 : 6000) * WORLD_MS, WORLD_OUTSIDE, faults_restart,
             (void *)(uintptr_t)p);
}

static void faults_drain(struct faults *f, uint32_t p)
{
    (void)f;
    if (!edge_is_up(p))
        return;
    edge_drain(p);
    world_at(world_between(3000, 5000) * WORLD_MS, WORLD_OUTSIDE, faults_restart, (void *)(uintptr_t)p);
}

static uint64_t faults_until(uint64_t least_ms, uint64_t most_ms)
{
    return world_it()->now_us + world_between(least_ms, most_ms) * WORLD_MS;
}

static void faults_pause(struct faults *f, uint32_t p)
{
    (void)f;
    world_it()->pause_us[p] = faults_until(50, world_chance(700) ? 1500 : 10000);
    world_tell("process %u stands still", p);
}

static void faults_postgres(struct faults *f, uint32_t p)
{
    (void)p;
    f->database->down_until_us = f->database->started_us = faults_until(50, 4000);
    world_tell("the database is away");
}

static void faults_fail_over(struct faults *f, uint32_t p)
{
    (void)p;
    if (!f->may_fail_over)
        return;
    database_fail_over(f->database, 6);
    f->database->down_until_us = faults_until(50, 3000);
}

static void faults_cut_postgres(struct faults *f, uint32_t p)
{
    f->database->cut_until_us[p] = faults_until(50, 6000);
    world_tell("process %u can't reach the database", p);
}

static void faults_cut_links(struct faults *f, uint32_t p)
{
    uint32_t q = world_below(f->processes);

    if (p == q)
        return;
    world_it()->cut_us[p][q] = faults_until(1, 8000);
    world_tell("processes %u and %u are cut", p, q);
    fakelinks_break(p, q);
}

static void faults_break_links(struct faults *f, uint32_t p)
{
    uint32_t q = world_below(f->processes);

    if (p != q) {
        world_tell("the link of %u and %u breaks", p, q);
        fakelinks_break(p, q);
    }
}

static void faults_unknown(struct faults *f, uint32_t p)
{
    (void)p;
    f->database->unknown = world_chance(500) ? 10 : 150;
}

static void faults_narrow(struct faults *f, uint32_t p)
{
    (void)f;
    (void)p;
    world_it()->link_bytes_max = world_chance(500) ? 64 * 1024 : (uint32_t)world_between(300, 3000);
}

static const struct {
    void (*happens)(struct faults *f, uint32_t process);
    uint32_t weight;
} faults_table[] = {
    { faults_kill, 25 },     { faults_drain, 10 },       { faults_pause, 12 },     { faults_postgres, 6 },
    { faults_fail_over, 5 }, { faults_cut_postgres, 8 }, { faults_cut_links, 14 }, { faults_break_links, 10 },
    { faults_unknown, 5 },   { faults_narrow, 5 },
};

static void faults_heal(struct faults *f)
{
    struct world *w = world_it();

    world_tell("everything is healed");
    f->database->unknown = 0;
    f->database->down_until_us = 0;
    w->link_bytes_max = 64 * 1024;
    for (uint32_t p = 0; p < WORLD_NODES; p++) {
        f->database->cut_until_us[p] = 0;
        for (uint32_t q = 0; q < WORLD_NODES; q++)
            w->cut_us[p][q] = 0;
    }
}

static void faults_next(void *ctx)
{
    struct faults *f = ctx;
    uint32_t total = 0, at;

    if (world_it()->now_us >= f->until_us) {
        faults_heal(f);
        return;
    }
    for (uint32_t k = 0; k < sizeof faults_table / sizeof *faults_table; k++)
        total += faults_table[k].weight;
    at = f->is_deadly ? 0 : world_below(total); /* the first kills */
    for (uint32_t k = 0; k < sizeof faults_table / sizeof *faults_table; k++) {
        if (at < faults_table[k].weight) {
            f->count++;
            faults_table[k].happens(f, world_below(f->processes));
            break;
        }
        at -= faults_table[k].weight;
    }
    world_at(world_between(50, f->is_deadly ? 4000 : 1500) * WORLD_MS, WORLD_OUTSIDE, faults_next, f);
}

static void faults_calm(void *ctx)
{
    struct faults *f = ctx;

    if (f->processes > 1 && world_it()->now_us < f->until_us) {
        f->count++;
        faults_drain(f, world_below(f->processes));
        world_at(world_between(6000, 8000) * WORLD_MS, WORLD_OUTSIDE, faults_calm, f);
    }
}

void faults_begin(struct faults *f)
{
    world_at(3 * WORLD_S, WORLD_OUTSIDE, f->is_calm ? faults_calm : faults_next, f);
}
