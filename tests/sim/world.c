/* sim/world.c - a heap of what will happen, and one generator of chance */
#include "sim/world.h"
#include "base/check.h"
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

static struct world *world_current;

void world_begin(struct world *w, uint64_t seed)
{
    *w = (struct world){ .seed = seed, .dice = { seed * UINT64_C(0x2545f4914f6cdd1d) + 1 } };
    w->trace = UINT64_C(0xcbf29ce484222325);
    world_current = w;
}

struct world *world_it(void)
{
    CHECK(world_current);
    return world_current;
}

uint32_t world_below(uint32_t bound)
{
    return dice_below(&world_it()->dice, bound);
}

bool world_chance(uint32_t of_thousand)
{
    return world_below(1000) < of_thousand;
}

uint64_t world_between(uint64_t least, uint64_t most)
{
    return least + dice_throw(&world_it()->dice) % (most - least + 1);
}

static bool world_is_before(const struct world_event *a, const struct world_event *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void world_put(struct world *w, struct world_event e)
{
    uint32_t at = w->count++;

    if (at == w->room) {
        w->room = w->room ? 2 * w->room : 256;
        w->event = realloc(w->event, w->room * sizeof *w->event);
        CHECK(w->event);
    }
    for (; at > 0 && world_is_before(&e, &w->event[(at - 1) / 2]); at = (at - 1) / 2)
        w->event[at] = w->event[(at - 1) / 2];
    w->event[at] = e;
}

static struct world_event world_take(struct world *w)
{
    struct world_event first = w->event[0], e = w->event[--w->count];
    uint32_t at = 0;

    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= w->count)
            break;
        if (child + 1 < w->count && world_is_before(&w->event[child + 1], &w->event[child]))
            child++;
        if (!world_is_before(&w->event[child], &e))
            break;
        w->event[at] = w->event[child];
        at = child;
    }
    if (w->count > 0)
        w->event[at] = e;
    return first;
}

void world_at(uint64_t delay_us, uint32_t node, world_fn *fn, void *ctx)
{
    struct world *w = world_it();

    world_put(w, (struct world_event){ .at_us = w->now_us + delay_us,
                                       .order = dice_throw(&w->dice),
                                       .node = node,
                                       .era = node == WORLD_OUTSIDE ? 0 : w->era[node],
                                       .fn = fn,
                                       .ctx = ctx });
}

bool world_is_alive(uint32_t node)
{
    return world_it()->era[node] & 1;
}

bool world_step(struct world *w, uint64_t until_us)
{
    if (w->count == 0 || w->event[0].at_us > until_us)
        return false;
    struct world_event e = world_take(w);
    w->now_us = e.at_us;
    if (e.node == WORLD_OUTSIDE) {
        e.fn(e.ctx);
        return true;
    }
    if (!world_is_alive(e.node) || e.era != w->era[e.node])
        return true;
    if (w->pause_us[e.node] > w->now_us) {
        e.at_us = w->pause_us[e.node];
        e.order = w->postponed++; /* as they came */
        world_put(w, e);
        return true;
    }
    w->turn(e.node, e.fn, e.ctx);
    return true;
}

static void world_say(const char *mark, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

static void world_say(const char *mark, const char *format, va_list args)
{
    struct world *w = world_it();
    char text[2 * WORLD_TEXT];
    int bytes = vsnprintf(text, sizeof text, format, args);

    w->trace = (w->trace ^ w->now_us) * UINT64_C(0x100000001b3);
    for (int k = 0; k < bytes && text[k]; k++)
        w->trace = (w->trace ^ (unsigned char)text[k]) * UINT64_C(0x100000001b3);
    if (w->is_loud)
        printf("%10.3f ms %s%s\n", (double)w->now_us / 1000, mark, text);
}

void world_tell(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    world_say("", format, args);
    va_end(args);
}

void world_violated(const char *format, ...)
{
    struct world *w = world_it();
    va_list args;

    va_start(args, format);
    if (w->violations++ == 0) {
        va_list again;
        va_copy(again, args);
        vsnprintf(w->first, sizeof w->first, format, again);
        va_end(again);
    }
    world_say("VIOLATED: ", format, args);
    va_end(args);
}
