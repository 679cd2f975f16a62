/* load/pairs_inner.h - what the measured work's sending, receiving and running share */
#pragma once
#include "load/pairs.h"

/* One message of a pair. */
struct pairs_message {
    uint64_t sent_ns;                       /* open loop: when it was due */
    uint64_t acked_seq, delivered_seq;      /* 0: not yet */
    uint32_t delivered;                     /* to so many */
};

struct pairs_send {
    struct link_ask ask;
    struct pairs_pair *pair;
    uint64_t first;                 /* messages first .. first + count - 1 */
    uint32_t count;
    bool is_open;                   /* on its way, or to be sent again */
    bool is_waiting;                /* the server was busy: the same again, with the same keys */
    uint64_t again_ns;
    struct buf body;
    char path[80];
};

/* One who receives. */
struct pairs_receiver {
    struct receiver in;
    struct pairs_pair *pair;
    uint64_t last_i;                /* UINT64_MAX: not known yet */
    uint64_t last_seq, newest;
    uint64_t heard;                 /* signals */
};

struct pairs_pair {
    struct pairs_process *process;
    const struct setup_pair *who;
    uint32_t number;
    struct link *from;
    struct pairs_send *send;
    uint32_t sends;
    struct pairs_receiver *receiver;
    struct receiver frames;         /* the sender's socket, when it sends by frames */
    bool is_broken;
    uint64_t closed;                /* signals: so many were heard by all, or are not waited for any more */
    uint64_t next, room;            /* messages begun; room for */
    struct pairs_message *message;
    uint64_t key_high, own_last_i;
    uint64_t *due;                  /* open loop: when those that wait for a free send were due */
    uint32_t dues, dues_room;
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
    struct pairs_aside *aside;      /* mixed: other verbs */
    uint32_t directs, asides_open;
    uint64_t came;                  /* in all, on all ways */
    uint64_t due_ns, dice;          /* open loop: when the next message is due */
};

/* Something did not go well; the first is kept for whoever looks at the result. */
void pairs_error(struct pairs_process *p, const char *method, const char *path, int status, struct text answer);
bool pairs_is_measured(const struct pairs_process *p, uint64_t ns);

/* pairs_receive.c: how often what came now counts: once, but for the one that is planted. */
uint32_t pairs_plant(struct pairs_process *p);

/* pairs_send.c: number k's next messages, due at that time, and what came of them. */
void pairs_send_init(struct pairs_send *s, struct pairs_pair *pair);
void pairs_send_fini(struct pairs_send *s);
void pairs_send_next(struct pairs_send *s, uint64_t due_ns);
void pairs_send_again(struct pairs_send *s);
/* An answer in a frame of the sender's socket. */
void pairs_send_framed(struct receiver *r, struct text json);

/* pairs_rate.c: the open loop. */
void pairs_rate_begin(struct pairs_process *p, uint64_t begin_ns, uint32_t process);
/* Sends what is due; when to come back. */
uint64_t pairs_rate_roll(struct pairs_process *p);
uint64_t pairs_rate_turn(struct pairs_process *p);
/* A send is free: the oldest that waits for one takes it. */
void pairs_rate_freed(struct pairs_send *s);

/* pairs_mix.c: the pair that a message now due is of; NULL: it was another verb, which has been asked. */
struct pairs_pair *pairs_mix_pick(struct pairs_process *p, uint64_t due_ns);
void pairs_mix_init(struct pairs_process *p);
void pairs_mix_fini(struct pairs_process *p);   /* after the links */
void pairs_mix_way(uint32_t number, enum receiver_way *way, enum link_version *version);
void pairs_mix_heard(struct receiver *r, struct text json);

/* pairs_signals.c: what came, and at the end what did not. */
void pairs_signals_receive(struct receiver *r, struct text json);
void pairs_signals_close(struct pairs_pair *pair);
/* Says as many as the window has room for. */
void pairs_signals_go(struct pairs_pair *pair);

/* pairs_receive.c: what came by a receiver's way; and what the sender's socket hears of its own. */
void pairs_receive(struct receiver *r, struct text json);
void pairs_receive_own(struct receiver *r, struct text json);
void pairs_receive_ended(struct receiver *r, struct text why);
void pairs_receive_own_ended(struct receiver *r, struct text why);
