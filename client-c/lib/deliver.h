/* lib/deliver.h - the outbox is sent: again and again, in order, until each message is answered */
#pragma once
#include "lib/client.h"

enum {
    DELIVER_AT_ONCE = 16,
    DELIVER_ANSWER_MS = 10 * 1000,  /* the server answers within 5 s */
    DELIVER_HURRY_MS = 50,          /* at most, after a connection broke for the first time */
};

/* Begins what may be sent now: of each conversation the oldest message, at most DELIVER_AT_ONCE. */
void deliver_step(struct posthorn *p, uint64_t now_ms);
/* When deliver_step() has something to do; UINT64_MAX: only after something else happens. */
uint64_t deliver_due_ms(const struct posthorn *p);
/* After a login: what waited is sent. */
void deliver_resume(struct posthorn *p);
/* Takes back all requests under way; the messages stay in the outbox. */
void deliver_forget(struct posthorn *p);
