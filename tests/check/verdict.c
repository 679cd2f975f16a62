/* check/verdict.c - one line for each invariant */
#include "check/verdict.h"
#include "base/check.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { VERDICT_BYTES = 700 };

static const struct {
    const char *name, *words;
    bool is_needed; /* a run in which there was nothing of it proves nothing */
} verdict_kinds[VERDICT_COUNT] = {
    [VERDICT_I1] = { "I1", "acknowledgements have exactly their row", true },
    [VERDICT_I2] = { "I2", "keys have one row, and one answer", true },
    [VERDICT_I3] = { "I3", "places are dense from 1 to the head, in conversations and inboxes", true },
    [VERDICT_I4] = { "I4", "inbox rows are those of the members, in the conversation's order", true },
    [VERDICT_I5] = { "I5", "events came in order, none missing, as they stand", true },
    [VERDICT_I6] = { "I6", "messages that were never acknowledged stand once or not, refused ones not",
                     false },
    [VERDICT_I7] = { "I7", "messages stand in the order in which their device sent them", true },
    [VERDICT_I8] = { "I8", "messages sent after one was known stand behind it", true },
    [VERDICT_I11] = { "I11", "events came to members only", true },
    [VERDICT_HISTORY] = { "H", "records make sense", true },
};

void verdict_bad(struct verdicts *v, enum verdict_of of, uint64_t ns, const char *format, ...)
{
    char text[VERDICT_BYTES];
    va_list list;

    if (v->bad[of]++ >= VERDICT_TOLD)
        return;
    va_start(list, format);
    int bytes = vsnprintf(text, sizeof text, format, list);
    va_end(list);
    CHECK(bytes > 0);
    if ((size_t)bytes < sizeof text)
        faultlog_tell(v->faults, v->start_ns, ns, text + bytes, sizeof text - (size_t)bytes);
    char *kept = strdup(text);
    CHECK(kept);
    v->told[of][v->bad[of] - 1] = kept;
}

static bool verdict_is_empty(const struct verdicts *v, enum verdict_of of)
{
    return verdict_kinds[of].is_needed && !v->checked[of];
}

void verdict_print(const struct verdicts *v)
{
    for (enum verdict_of of = 0; of < VERDICT_COUNT; of++) {
        const char *word = v->bad[of] ? "BROKEN" : verdict_is_empty(v, of) ? "EMPTY" : "ok";
        printf("%-4s%-7s%10" PRIu64 " %s: %" PRIu64 " violations\n", verdict_kinds[of].name, word,
               v->checked[of], verdict_kinds[of].words, v->bad[of]);
        for (uint64_t k = 0; k < v->bad[of] && k < VERDICT_TOLD; k++)
            printf("      | %s\n", v->told[of][k]);
    }
}

bool verdict_is_good(const struct verdicts *v)
{
    bool is_good = true;

    for (enum verdict_of of = 0; of < VERDICT_COUNT; of++)
        is_good = is_good && !v->bad[of] && !verdict_is_empty(v, of);
    return is_good;
}

void verdict_json(const struct verdicts *v, struct json *j)
{
    json_object(j, "invariants");
    for (enum verdict_of of = 0; of < VERDICT_COUNT; of++) {
        json_object(j, verdict_kinds[of].name);
        json_number(j, "checked", v->checked[of]);
        json_number(j, "violations", v->bad[of]);
        json_close(j);
    }
    json_close(j);
}

void verdict_fini(struct verdicts *v)
{
    for (enum verdict_of of = 0; of < VERDICT_COUNT; of++)
        for (int k = 0; k < VERDICT_TOLD; k++)
            free(v->told[of][k]);
}
