/* faults/tcpfault/orders.c - the words of an order */
#include "tcpfault/orders.h"

#include <stdlib.h>
#include <string.h>

enum { ORDERS_WORDS_MAX = 6 };

struct orders_words {
    char *at[ORDERS_WORDS_MAX];
    unsigned count, next;
};

static const char *orders_word(struct orders_words *w)
{
    return w->next < w->count ? w->at[w->next++] : "";
}

static bool orders_number(struct orders_words *w, uint64_t least, uint64_t most, uint64_t *into)
{
    const char *word = orders_word(w);
    char *end;
    unsigned long long n = strtoull(word, &end, 10);

    if (word[0] < '0' || word[0] > '9' || *end || n < least || n > most)
        return false;
    *into = n;
    return true;
}

static bool orders_ways(struct orders_words *w, bool both_too, bool into[ORDERS_WAYS])
{
    const char *word = orders_word(w);
    bool both = both_too && strcmp(word, "both") == 0;

    into[ORDERS_UP] = both || strcmp(word, "up") == 0;
    into[ORDERS_DOWN] = both || strcmp(word, "down") == 0;
    return into[ORDERS_UP] || into[ORDERS_DOWN];
}

static bool orders_take_cut_at(struct orders *o, struct orders_words *w, bool is_reset)
{
    bool way[ORDERS_WAYS];
    uint64_t bytes;

    if (!orders_ways(w, false, way) || !orders_number(w, 1, UINT64_MAX, &bytes))
        return false;
    o->cut[way[ORDERS_UP] ? ORDERS_UP : ORDERS_DOWN] =
        (struct orders_cut){ .is_armed = true, .is_reset = is_reset, .left = bytes };
    return true;
}

static bool orders_take_commit(struct orders *o, struct orders_words *w)
{
    static const char *const names[] = {
        [ORDERS_BEFORE] = "before", [ORDERS_AFTER] = "after", [ORDERS_REPLY] = "reply", [ORDERS_HOLD] = "hold"
    };
    const char *word = orders_word(w);
    struct orders_commit c = { .struck = o->commit.struck };

    for (unsigned n = ORDERS_BEFORE; n <= ORDERS_HOLD; n++)
        if (strcmp(word, names[n]) == 0)
            c.moment = (enum orders_moment)n;
    if (c.moment == ORDERS_NEVER || !orders_number(w, 1, 1000000, &c.left))
        return false;
    if (c.moment == ORDERS_HOLD && !orders_number(w, 1, 3600 * 1000, &c.hold_ms))
        return false;
    const char *statement = orders_word(w);
    if (strlen(statement) >= sizeof c.statement)
        return false;
    memcpy(c.statement, statement, strlen(statement) + 1);
    o->commit = c;
    return true;
}

static bool orders_take_shape(struct orders *o, const char *verb, struct orders_words *w)
{
    uint64_t n;

    if (strcmp(verb, "swallow") == 0 || strcmp(verb, "stall") == 0) {
        bool way[ORDERS_WAYS];
        if (!orders_ways(w, true, way))
            return false;
        memcpy(verb[1] == 'w' ? o->swallows : o->stalls, way, sizeof way);
        return true;
    }
    if (strcmp(verb, "slice") == 0 && orders_number(w, 0, 1 << 20, &n))
        o->slice_bytes = n;
    else if (strcmp(verb, "delay") == 0 && orders_number(w, 0, 3600 * 1000, &n))
        o->delay_ms = n;
    else
        return false;
    return true;
}

static bool orders_take_verb(struct orders *o, const char *verb, struct orders_words *w, enum orders_act *act)
{
    static const struct {
        const char *word;
        enum orders_act act;
    } plain[] = { { "pass", ORDERS_PASS },
                  { "cut", ORDERS_CUT },
                  { "reset", ORDERS_RESET },
                  { "status", ORDERS_STATUS },
                  { "refuse", ORDERS_NOTHING } };

    *act = ORDERS_NOTHING;
    for (size_t n = 0; n < sizeof plain / sizeof *plain; n++) {
        if (strcmp(verb, plain[n].word) != 0)
            continue;
        *act = plain[n].act;
        o->refuses = o->refuses || strcmp(verb, "refuse") == 0;
        if (*act == ORDERS_PASS)
            *o = (struct orders){ .commit.struck = o->commit.struck };
        return true;
    }
    if (strcmp(verb, "cut-at") == 0 || strcmp(verb, "reset-at") == 0)
        return orders_take_cut_at(o, w, verb[0] == 'r');
    if (strcmp(verb, "commit") == 0)
        return orders_take_commit(o, w);
    return orders_take_shape(o, verb, w);
}

const char *orders_take(struct orders *o, char *line, enum orders_act *act)
{
    struct orders_words w = { 0 };
    struct orders next = *o;
    char *rest;

    for (char *word = strtok_r(line, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest)) {
        if (w.count == ORDERS_WORDS_MAX)
            return "too many words";
        w.at[w.count++] = word;
    }
    const char *verb = orders_word(&w);
    if (!orders_take_verb(&next, verb, &w, act) || w.next < w.count)
        return "not an order";
    *o = next;
    return NULL;
}

void orders_struck(struct orders_commit *c)
{
    c->struck++;
    if (--c->left == 0)
        c->moment = ORDERS_NEVER;
}
