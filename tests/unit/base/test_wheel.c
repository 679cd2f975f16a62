/* unit/base/test_wheel.c - what is due comes in order, at its time, whatever else is set */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "base/wheel.h"
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRIES = 300, ROUNDS = 200000, MANY = 100000 };

/* An entry, and what a plain list knows of it. */
struct known {
    struct wheel_entry entry;
    uint64_t due, order;
    bool is_set;
};
struct model {
    struct wheel w;
    struct known entry[ENTRIES];
    uint64_t now, order, random;
};

static uint64_t roll(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Short waits often, every magnitude sometimes. */
static uint64_t some_time(uint64_t *state)
{
    uint64_t bits = roll(state) % 40;

    return roll(state) & (((uint64_t)1 << bits) - 1);
}

/* The one that a sorted list would have first; NULL: none that is due. */
static struct known *model_first(struct model *m, bool only_due)
{
    struct known *first = NULL;

    for (int n = 0; n < ENTRIES; n++) {
        struct known *k = &m->entry[n];
        if (!k->is_set || (only_due && k->due > m->now))
            continue;
        uint64_t a = k->due, b = first ? first->due : 0;
        if (!first || a < b || (a == b && k->order < first->order))
            first = k;
    }
    return first;
}

static void model_set(struct model *m, struct known *k, uint64_t wait)
{
    k->due = m->now + wait;
    k->order = m->order++;
    k->is_set = true;
    wheel_set(&m->w, &k->entry, k->due);
    assert_true(wheel_is_set(&k->entry));
}

static void model_advance(struct model *m, uint64_t wait)
{
    struct wheel_entry *e;

    m->now += wait;
    wheel_advance(&m->w, m->now);
    while ((e = wheel_take(&m->w))) {
        struct known *expected = model_first(m, true);
        assert_ptr_equal(e, &expected->entry);
        assert_false(wheel_is_set(e));
        expected->is_set = false;
    }
    assert_null(model_first(m, true));
}

static void model_look(struct model *m)
{
    struct known *first = model_first(m, false);
    uint64_t at;

    assert_int_equal(wheel_next(&m->w, &at), first != NULL);
    if (first) {
        assert_true(at <= first->due);
        assert_true(at >= m->now);
        assert_true(first->due <= m->now || at > m->now);
    }
}

static void as_a_sorted_list(void **state)
{
    struct model *m = calloc(1, sizeof *m);

    (void)state;
    m->now = 1234567890123u;
    m->random = 88172645463325252u;
    wheel_init(&m->w, m->now);
    for (int n = 0; n < ROUNDS; n++) {
        struct known *k = &m->entry[roll(&m->random) % ENTRIES];
        switch (roll(&m->random) % 8) {
        case 0:
            model_advance(m, roll(&m->random) % 100);
            break;
        case 1: /* to where it says, or a jump */
            model_look(m);
            if (n % 16 == 0)
                model_advance(m, some_time(&m->random));
            break;
        case 2:
        case 3:
            wheel_clear(&m->w, &k->entry);
            k->is_set = false;
            assert_false(wheel_is_set(&k->entry));
            break;
        default:
            model_set(m, k, some_time(&m->random));
            break;
        }
    }
    model_advance(m, (uint64_t)1 << 50);
    model_look(m);
    assert_int_equal(m->w.levels, 0);
    free(m);
}

/* Going from answer to answer of wheel_next() reaches the time itself within a round a level. */
static void next_comes_closer(void **state)
{
    struct wheel *w = malloc(sizeof *w);
    struct wheel_entry e = { 0 };
    uint64_t random = 99, at;

    (void)state;
    for (int n = 0; n < 20000; n++) {
        uint64_t now = some_time(&random), due = now + 1 + some_time(&random), before = now;
        int rounds = 0;
        wheel_init(w, now);
        wheel_set(w, &e, due);
        while (wheel_is_set(&e)) {
            assert_true(wheel_next(w, &at));
            assert_true(at > before && at <= due);
            before = at;
            wheel_advance(w, at);
            if (wheel_take(w))
                assert_int_equal(at, due);
            assert_true(++rounds <= WHEEL_LEVELS);
        }
        assert_false(wheel_next(w, &at));
    }
    free(w);
}

static void the_ends_of_time(void **state)
{
    struct wheel *w = malloc(sizeof *w);
    struct wheel_entry far = { 0 }, past = { 0 }, again = { 0 };
    uint64_t at;

    (void)state;
    wheel_init(w, 5);
    wheel_set(w, &far, UINT64_MAX);
    wheel_set(w, &past, 3);
    assert_true(wheel_next(w, &at));
    assert_int_equal(at, 5);
    wheel_advance(w, 4); /* time does not go back */
    assert_int_equal(w->now, 5);
    assert_ptr_equal(wheel_take(w), &past);
    /* Set while things are taken: the next round's. */
    wheel_set(w, &again, 5);
    assert_null(wheel_take(w));
    wheel_advance(w, UINT64_MAX - 1);
    assert_ptr_equal(wheel_take(w), &again);
    assert_null(wheel_take(w));
    wheel_advance(w, UINT64_MAX);
    assert_ptr_equal(wheel_take(w), &far);
    assert_null(wheel_take(w));
    free(w);
}

/* What is due but not taken yet can be cleared and set again. */
static void cleared_before_it_is_taken(void **state)
{
    struct wheel *w = malloc(sizeof *w);
    struct wheel_entry e[3];

    (void)state;
    memset(e, 0, sizeof e);
    wheel_init(w, 0);
    for (int n = 0; n < 3; n++)
        wheel_set(w, &e[n], 10);
    wheel_advance(w, 10);
    assert_ptr_equal(wheel_take(w), &e[0]);
    wheel_clear(w, &e[1]);
    wheel_clear(w, &e[1]);
    wheel_set(w, &e[2], 20);
    assert_null(wheel_take(w));
    wheel_advance(w, 20);
    assert_ptr_equal(wheel_take(w), &e[2]);
    free(w);
}

static void a_hundred_thousand(void **state)
{
    struct wheel *w = malloc(sizeof *w);
    struct wheel_entry *e = calloc(MANY, sizeof *e);
    uint64_t random = 4711, at, last = 0, rounds = 0;
    int taken = 0, cleared = 0;

    (void)state;
    wheel_init(w, 0);
    for (int n = 0; n < MANY; n++)
        wheel_set(w, &e[n], 1 + roll(&random) % 3600000);
    for (int n = 0; n < MANY; n += 3, cleared++)
        wheel_clear(w, &e[n]);
    while (wheel_next(w, &at)) {
        rounds++;
        wheel_advance(w, at);
        for (struct wheel_entry *one; (one = wheel_take(w)); taken++) {
            assert_int_equal(one->due, at);
            assert_true(at >= last);
            assert_true((one - e) % 3);
            last = at;
        }
    }
    assert_int_equal(taken + cleared, MANY);
    assert_true(rounds < 2 * MANY);
    free(e);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_a_sorted_list),   cmocka_unit_test(next_comes_closer),
        cmocka_unit_test(the_ends_of_time),   cmocka_unit_test(cleared_before_it_is_taken),
        cmocka_unit_test(a_hundred_thousand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
