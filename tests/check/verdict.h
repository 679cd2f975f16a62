/* check/verdict.h - what was checked, what was found, in words */
#pragma once
#include "check/faultlog.h"
#include "model/json.h"
#include <stdbool.h>
#include <stdint.h>

enum verdict_of {
    VERDICT_I1, VERDICT_I2, VERDICT_I3, VERDICT_I4, VERDICT_I5, VERDICT_I6, VERDICT_I7, VERDICT_I8, VERDICT_I11,
    VERDICT_HISTORY,                /* the histories themselves are whole and make sense */
    VERDICT_COUNT,
    VERDICT_TOLD = 5,               /* violations of one kind that are told in words; the others are counted */
};

struct verdicts {
    const struct faultlog *faults;
    uint64_t start_ns;              /* of the run: times are told from here */
    uint64_t checked[VERDICT_COUNT], bad[VERDICT_COUNT];
    char *told[VERDICT_COUNT][VERDICT_TOLD];
};

static inline void verdict_checked(struct verdicts *v, enum verdict_of of)
{
    v->checked[of]++;
}
/* A violation: who and what, and when (0: not known), to which the fault before it is added. */
void verdict_bad(struct verdicts *v, enum verdict_of of, uint64_t ns, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* One line each, and the violations below. */
void verdict_print(const struct verdicts *v);
/* No violation, and each invariant that a run must touch was touched. */
bool verdict_is_good(const struct verdicts *v);
void verdict_json(const struct verdicts *v, struct json *j);
void verdict_fini(struct verdicts *v);
