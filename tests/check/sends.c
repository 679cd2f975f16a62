/* check/sends.c - keys and their answers, against the rows */
#include "check/sends.h"
#include <inttypes.h>
#include <stdlib.h>

static uint32_t sends_find(const struct sends *s, uint64_t user, struct key key)
{
    size_t at = SIZE_MAX;
    uint32_t n;

    do
        n = index_find(&s->index, index_hash(user ^ key.high, key.low), &at);
    while (n != INDEX_NONE &&
           (s->send[n].user != user || s->send[n].key.high != key.high || s->send[n].key.low != key.low));
    return n;
}

static void sends_take_send(struct sends *s, const struct database *d, const struct devices *devices,
                            const struct history_record *r, struct verdicts *v)
{
    const struct device *device = devices_of(devices, r);
    uint32_t n = sends_find(s, device->user, r->key);
    char key[KEY_TEXT_BYTES + 1];

    if (n == INDEX_NONE) {
        s->send = database_more(s->send, s->count, &s->room, sizeof *s->send);
        n = (uint32_t)s->count++;
        s->send[n] = (struct send){ .key = r->key,
                                    .user = device->user,
                                    .conversation = r->conversation,
                                    .hash = r->hash,
                                    .counter = r->counter,
                                    .sent_ns = r->ns,
                                    .device = devices->of_file[r->device],
                                    .row = database_by_key(d, device->user, r->key) };
        index_put(&s->index, index_hash(device->user ^ r->key.high, r->key.low), n);
        return;
    }
    struct send *send = &s->send[n];
    key_print(r->key, key);
    if (send->conversation != r->conversation || send->hash != r->hash || send->counter != r->counter)
        verdict_bad(v, VERDICT_HISTORY, r->ns, "device %" PRIu64 " sent key %s again, but not the same",
                    device->id, key);
    if (r->ns < send->sent_ns)
        send->sent_ns = r->ns;
}

static void sends_take_acked(struct send *send, const struct history_record *r, struct verdicts *v,
                             struct figures *f)
{
    char key[KEY_TEXT_BYTES + 1];

    if (send->acked_ns) {
        f->acked_again++;
        verdict_checked(v, VERDICT_I2);
        if (r->seq == send->seq && r->id == send->id)
            return;
        key_print(r->key, key);
        verdict_bad(v, VERDICT_I2, r->ns,
                    "key %s of user %" PRIu64 " was acknowledged as %" PRIu64 "/%" PRIu64 ", id %" PRIu64
                    ", and before as seq %" PRIu64 ", id %" PRIu64,
                    key, send->user, r->conversation, r->seq, r->id, send->seq, send->id);
        return;
    }
    f->acked++;
    send->acked_ns = r->ns;
    send->seq = r->seq;
    send->id = r->id;
    if (r->conversation != send->conversation) {
        key_print(r->key, key);
        verdict_bad(v, VERDICT_I1, r->ns, "key %s was sent to %" PRIu64 " and acknowledged in %" PRIu64, key,
                    send->conversation, r->conversation);
    }
}

void sends_take(struct sends *s, const struct database *d, const struct devices *devices,
                const struct history_record *r, struct verdicts *v, struct figures *f)
{
    if (r->kind == HISTORY_SEND) {
        sends_take_send(s, d, devices, r, v);
        return;
    }
    if (r->kind != HISTORY_ACKED && r->kind != HISTORY_REFUSED)
        return;
    const struct device *device = devices_of(devices, r);
    uint32_t n = sends_find(s, device->user, r->key);
    if (n == INDEX_NONE) {
        char key[KEY_TEXT_BYTES + 1];
        key_print(r->key, key);
        verdict_bad(v, VERDICT_HISTORY, r->ns,
                    "device %" PRIu64 " got an answer to key %s, which it never sent", device->id, key);
    } else if (r->kind == HISTORY_ACKED) {
        sends_take_acked(&s->send[n], r, v, f);
    } else {
        f->refused++;
        s->send[n].refused = r->code ? r->code : 400;
    }
}

/* Whether the row is what was sent, and where the answer said. */
static const char *sends_differ(const struct send *s, const struct database *d)
{
    const struct database_message *m = &d->message[s->row];

    if (d->conversation[m->conversation].id != s->conversation)
        return "stands in another conversation";
    if (m->hash != s->hash)
        return "has another text";
    if (s->acked_ns && m->seq != s->seq)
        return "stands at another seq";
    if (s->acked_ns && m->id != s->id)
        return "has another id";
    return NULL;
}

static void sends_settle_one(const struct send *s, const struct database *d, struct verdicts *v)
{
    enum verdict_of of = s->acked_ns ? VERDICT_I1 : VERDICT_I6;
    const char *problem = s->row == INDEX_NONE ? NULL : sends_differ(s, d);
    char key[KEY_TEXT_BYTES + 1];

    key_print(s->key, key);
    verdict_checked(v, of);
    if (s->acked_ns && s->row == INDEX_NONE)
        verdict_bad(v, of, s->acked_ns,
                    "key %s of user %" PRIu64 " was acknowledged as %" PRIu64 "/%" PRIu64 ", id %" PRIu64
                    ", and there is no row of it",
                    key, s->user, s->conversation, s->seq, s->id);
    if (problem)
        verdict_bad(v, of, s->sent_ns,
                    "key %s of user %" PRIu64 ", %s as %" PRIu64 "/%" PRIu64 ": its row %s", key, s->user,
                    s->acked_ns ? "acknowledged" : "never acknowledged", s->conversation, s->seq, problem);
    if (s->refused && (s->acked_ns || s->row != INDEX_NONE))
        verdict_bad(v, VERDICT_I6, s->sent_ns,
                    "key %s of user %" PRIu64 " was refused with %" PRIu32 ", and %s (%" PRIu64 "/%" PRIu64
                    ")",
                    key, s->user, s->refused, s->acked_ns ? "acknowledged" : "has a row", s->conversation,
                    s->row != INDEX_NONE ? d->message[s->row].seq : s->seq);
}

void sends_settle(const struct sends *s, struct database *d, struct verdicts *v, struct figures *f)
{
    for (const struct send *send = s->send; send < s->send + s->count; send++) {
        sends_settle_one(send, d, v);
        f->unanswered += !send->acked_ns && !send->refused;
        figures_send(f, database_conversation(d, send->conversation), send->sent_ns, send->acked_ns);
        if (send->row == INDEX_NONE)
            continue;
        struct database_message *m = &d->message[send->row];
        m->sent_ns = send->sent_ns;
        m->acked_ns = send->acked_ns;
        if (send->acked_ns && send->acked_ns < m->known_ns)
            m->known_ns = send->acked_ns;
    }
    for (const struct database_message *m = d->message; m < d->message + d->messages; m++)
        f->rows_unsent += (m->key.high || m->key.low) && !m->sent_ns;
}

static int sends_compare(const void *a, const void *b)
{
    const struct send *x = *(const struct send *const *)a, *y = *(const struct send *const *)b;

    if (x->device != y->device)
        return x->device < y->device ? -1 : 1;
    if (x->conversation != y->conversation)
        return x->conversation < y->conversation ? -1 : 1;
    return x->counter < y->counter ? -1 : x->counter > y->counter;
}

void sends_order(const struct sends *s, const struct database *d, const struct devices *devices,
                 struct verdicts *v)
{
    const struct send **by = calloc(s->count + 1, sizeof *by), *before = NULL;

    CHECK(by);
    for (size_t n = 0; n < s->count; n++)
        by[n] = &s->send[n];
    qsort(by, s->count, sizeof *by, sends_compare);
    for (size_t n = 0; n < s->count; n++) {
        const struct send *now = by[n];
        if (now->row == INDEX_NONE)
            continue;
        verdict_checked(v, VERDICT_I7);
        if (before && before->device == now->device && before->conversation == now->conversation &&
            d->message[before->row].seq >= d->message[now->row].seq)
            verdict_bad(v, VERDICT_I7, now->sent_ns,
                        "device %" PRIu64 " of user %" PRIu64 " sent its message %" PRIu64 " to %" PRIu64
                        " before its message %" PRIu64 ", and they stand at seq %" PRIu64 " and %" PRIu64,
                        devices->device[now->device].id, now->user, before->counter, now->conversation,
                        now->counter, d->message[before->row].seq, d->message[now->row].seq);
        before = now;
    }
    free(by);
}

/* From the newest backwards: a message that was sent when one above it was known already stands too low. */
void sends_append_order(const struct database *d, struct verdicts *v)
{
    for (const struct database_conversation *c = d->conversation; c < d->conversation + d->conversations;
         c++) {
        const struct database_message *known = NULL;
        for (uint32_t n = c->first + c->count; n-- > c->first;) {
            const struct database_message *m = &d->message[n];
            if (known && m->sent_ns)
                verdict_checked(v, VERDICT_I8);
            if (known && m->sent_ns && known->known_ns < m->sent_ns)
                verdict_bad(v, VERDICT_I8, m->sent_ns,
                            "%" PRIu64 "/%" PRIu64 " was known %.3f ms before %" PRIu64 "/%" PRIu64
                            " was sent by user %" PRIu64,
                            c->id, known->seq, (double)(m->sent_ns - known->known_ns) / 1e6, c->id, m->seq,
                            m->sender);
            if (m->known_ns != UINT64_MAX && (!known || m->known_ns < known->known_ns))
                known = m;
        }
    }
}

void sends_fini(struct sends *s)
{
    free(s->send);
    index_fini(&s->index);
    *s = (struct sends){ 0 };
}
