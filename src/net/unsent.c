/* net/unsent.c - what the sockets have not taken, counted, and who is told that there is room again */
#include "net/unsent.h"
#include "net/conn.h"
#include "net/promise.h"

/* Marks those that have something unsent, or has the flush look at them again. */
static void look_at_all(struct conn_set *set, bool is_over)
{
    struct conn *c;
    struct exchange *x;

    TAILQ_FOREACH(c, &set->live, link)
    {
        if (c->begun_count == 0)
            continue;
        if (!is_over)
            conn_touch(c);
        else
            TAILQ_FOREACH(x, &c->exchanges, link)
        x->is_above |= x->is_begun && exchange_unsent(x) > 0;
    }
}

void unsent_count(struct conn_set *set, size_t before, size_t after)
{
    bool was_over = set->is_over;

    set->stats.unsent_bytes += after;
    CHECK(set->stats.unsent_bytes >= before);
    set->stats.unsent_bytes -= before;
    if (set->stats.unsent_bytes > set->unsent_max)
        set->is_over = true;
    else if (set->stats.unsent_bytes <= set->unsent_max / 8 * 7)
        set->is_over = false;
    if (was_over != set->is_over)
        look_at_all(set, set->is_over);
}

/* Room of an exchange may write, and end, this one and others: none of that takes any out of the list. */
void unsent_look_for_room(struct conn *c)
{
    struct exchange *x;

    for (x = c->begun_count ? TAILQ_FIRST(&c->exchanges) : NULL; x; x = TAILQ_NEXT(x, link)) {
        x->is_crowded = x->is_crowded && !promise_has_room(c);
        bool is_above = exchange_unsent(x) > LIMIT_UNSENT_BYTES / 2 || x->is_crowded;
        bool has_room = x->is_above && !is_above;

        x->is_above = is_above;
        if (has_room && x->is_begun && x->room)
            x->room(x, x->room_ctx);
    }
}
