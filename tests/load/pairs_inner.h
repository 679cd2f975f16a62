/* load/pairs_inner.h - what the measured work's sending, receiving and running share */
#pragma once
#include "load/pairs.h"

/* One message of a pair. */
struct pairs_message {
    uint64_t sent_ns;
    uint64_t acked_seq, delivered_seq;      /* 0: not yet */
};

struct pairs_send {
    struct link_ask ask;
    struct pairs_pair *pair;
    uint64_t first;                 /* messages first .. first + count - 1 */
    uint32_t count;
    bool is_waiting;                /* the server was busy: the same again, with the same keys */
    uint64_t again_ns;
    struct buf body;
    char path[80];
};

struct pairs_pair {
    struct pairs_process *process;
    const struct setup_pair *who;
    uint32_t number;
    struct link *from, *to;
    struct pairs_send *send;
    uint32_t sends;
    struct receiver in;             /* the receiver's events */
    struct receiver frames;         /* the sender's socket, when it sends by frames */
    bool is_broken;
    uint64_t next, room;            /* messages begun; room for */
    struct pairs_message *message;
    uint64_t key_high;
    uint64_t last_i, own_last_i;    /* in the inboxes of the receiver and of the sender */
    uint64_t last_seq, newest;
};

struct pairs_process {
    const struct pairs_plan *plan;
    struct pairs_result *result;
    struct pairs_pair *pair;
    uint32_t count;
    char *text;
    int epoll;
    uint64_t measure_ns, stop_ns, end_ns;   /* from, to, and when the drain is over */
    uint64_t now_ns;                /* of this turn */
};

/* Something did not go well; the first is kept for whoever looks at the result. */
void pairs_error(struct pairs_process *p, const char *method, const char *path, int status, struct text answer);
bool pairs_is_measured(const struct pairs_process *p, uint64_t ns);

/* pairs_send.c: the messages of number k's next ask, and what came of them. */
void pairs_send_init(struct pairs_send *s, struct pairs_pair *pair);
void pairs_send_fini(struct pairs_send *s);
void pairs_send_next(struct pairs_send *s);
void pairs_send_again(struct pairs_send *s);
/* An answer in a frame of the sender's socket. */
void pairs_send_framed(struct receiver *r, struct text json);

/* pairs_receive.c: what came by the receiver's way; and what the sender's socket hears of its own. */
void pairs_receive(struct receiver *r, struct text json);
void pairs_receive_own(struct receiver *r, struct text json);
void pairs_receive_ended(struct receiver *r, struct text why);
