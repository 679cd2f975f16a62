/* switch/switch.c - a client that is moved from way to way while messages come: each once, in order */
/*
 * posthorn-switch SENDER-URL RECEIVER-URL CA DIR MESSAGES SEED
 *
 * One account sends MESSAGES to another in CONVERSATIONS groups. The receiver is told at random times to take
 * another of the five ways, over another version of HTTP; RECEIVER-URL leads through something that cuts
 * connections. What arrives must be numbered without a hole, and in each conversation in the order of sending.
 * Prints "switches N ways W sent N seen N", what was wrong, and ends with 1 then.
 */
#include "posthorn.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    CONVERSATIONS = 8,
    WAITING_MOST = 400, /* in the sender's outbox */
    SENDS_PER_S = 200,
    STAY_LEAST_MS = 20,
    STAY_MOST_MS = 500, /* on a way that works */
    TRY_MS = 4000, /* for one that does not */
    COMBINATIONS = 9,
    STUCK_MS = 90 * 1000, /* nothing new for so long: it is over */
    WORDS_MOST = 32,
};

struct play {
    struct posthorn *sender, *receiver;
    char conversation[CONVERSATIONS][24];
    unsigned long sent[CONVERSATIONS], seen[CONVERSATIONS];
    unsigned long wanted, begun, refused, received, switches, taken, failed_ways;
    uint64_t last_i, heard_ms;
    unsigned wrong;
    unsigned seed;
    unsigned order[COMBINATIONS], next; /* a shuffled round of ways */
    uint64_t began_ms;
    unsigned long taken_before;
    uint64_t moved_ms, stay_ms;
    char ways[WORDS_MOST][120]; /* that were in use at least once */
    unsigned ways_count;
};

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static unsigned dice(struct play *p, unsigned below)
{
    return (unsigned)rand_r(&p->seed) % below;
}

static void say_wrong(struct play *p, const char *what, unsigned long found, unsigned long expected)
{
    if (p->wrong++ < 20)
        fprintf(stderr, "wrong: %s %lu instead of %lu\n", what, found, expected);
}

static void on_event(void *context, const struct posthorn_event *e)
{
    struct play *p = context;
    p->heard_ms = now_ms();
    if (p->last_i && e->i != p->last_i + 1)
        say_wrong(p, "number", (unsigned long)e->i, (unsigned long)p->last_i + 1);
    p->last_i = e->i;
    if (strcmp(e->type, "message") != 0)
        return;
    unsigned c = 0;
    while (c < CONVERSATIONS && strcmp(p->conversation[c], e->conversation) != 0)
        c++;
    if (c == CONVERSATIONS) {
        say_wrong(p, "conversation", 0, 0);
        return;
    }
    unsigned long n = strtoul(e->text, NULL, 10);
    if (n != p->seen[c] + 1)
        say_wrong(p, "message", n, p->seen[c] + 1);
    p->seen[c] = n;
    p->received++;
}

static void on_way(void *context, const char *way, const char *why)
{
    struct play *p = context;
    p->taken += why == NULL;
    p->failed_ways += why != NULL;
    if (getenv("POSTHORN_SWITCH_TALK"))
        fprintf(stderr, "%llu %s%s%s\n", (unsigned long long)now_ms(), way, why ? ": " : "", why ? why : "");
    for (unsigned n = 0; n < p->ways_count; n++)
        if (why || strcmp(p->ways[n], way) == 0)
            return;
    if (!why && p->ways_count < WORDS_MOST)
        snprintf(p->ways[p->ways_count++], sizeof p->ways[0], "%s", way);
}

static void on_resync(void *context, const struct posthorn_conversation *at, size_t count)
{
    struct play *p = context;
    (void)at;
    if (p->received)
        say_wrong(p, "a snapshot, conversations", (unsigned long)count, 0);
}

static void on_refused(void *context, const char *key, const char *conversation,
                       const struct posthorn_problem *why)
{
    struct play *p = context;
    (void)key, (void)conversation;
    p->refused++;
    fprintf(stderr, "refused: %s %s\n", why->code, why->detail);
}

static void fail(struct posthorn *p, const char *what)
{
    fprintf(stderr, "%s: %s\n", what, p ? posthorn_why(p)->detail : "");
    exit(2);
}

static struct posthorn *enter(struct play *play, const char *url, const char *ca, const char *dir,
                              const char *handle)
{
    struct posthorn_options o = { .server = url, .ca_file = ca, .state_dir = dir, .proxy = "" };
    struct posthorn *p;
    o.on = (struct posthorn_callbacks){ .on_event = on_event,
                                        .on_refused = on_refused,
                                        .on_resync = on_resync,
                                        .on_way = on_way,
                                        .context = play };
    if (posthorn_new(&o, &p, NULL) != POSTHORN_OK)
        fail(NULL, "can't begin");
    /* Connections are cut here, too. */
    for (int n = 0; n < 50; n++)
        if (posthorn_account_login(p, handle, "correct horse battery", NULL) == POSTHORN_OK)
            return p;
    fail(p, "login");
    return NULL;
}

static void make_accounts(const char *url, const char *ca)
{
    static const char *const handles[] = { "sender", "receiver" };
    struct posthorn_options o = { .server = url, .ca_file = ca, .proxy = "" };
    struct posthorn *p;
    if (posthorn_new(&o, &p, NULL) != POSTHORN_OK)
        fail(NULL, "can't begin");
    for (int n = 0; n < 2; n++)
        if (posthorn_account_register(p, handles[n], "correct horse battery", NULL) != POSTHORN_OK)
            fail(p, "register");
    posthorn_free(&p);
}

static void make_conversations(struct play *p)
{
    struct posthorn_answer *a;
    struct posthorn_account user;
    if (posthorn_user_find(p->sender, "receiver", &a, &user) != POSTHORN_OK)
        fail(p->sender, "find");
    for (unsigned n = 0; n < CONVERSATIONS; n++)
        if (posthorn_conversation_group(p->sender, "moving", &user.id, 1, p->conversation[n]) != POSTHORN_OK)
            fail(p->sender, "group");
    posthorn_answer_free(&a);
}

static void send_some(struct play *p)
{
    unsigned long due = (unsigned long)(now_ms() - p->began_ms) * SENDS_PER_S / 1000;
    while (p->begun < p->wanted && p->begun < due && posthorn_pending(p->sender) < WAITING_MOST) {
        unsigned c = dice(p, CONVERSATIONS);
        char text[32];
        int bytes = snprintf(text, sizeof text, "%lu", ++p->sent[c]);
        if (posthorn_send(p->sender, p->conversation[c], text, (size_t)bytes, NULL, NULL) != POSTHORN_OK)
            fail(p->sender, "send");
        p->begun++;
    }
}

/* Every way over every version once, in another order each time. */
static void shuffle(struct play *p)
{
    for (unsigned n = 0; n < COMBINATIONS; n++)
        p->order[n] = n;
    for (unsigned n = COMBINATIONS; n > 1; n--) {
        unsigned other = dice(p, n), kept = p->order[n - 1];
        p->order[n - 1] = p->order[other];
        p->order[other] = kept;
    }
}

static void move(struct play *p)
{
    static const struct {
        enum posthorn_transport way;
        enum posthorn_http http;
    } all[COMBINATIONS] = {
        { POSTHORN_TRANSPORT_WS, POSTHORN_HTTP_2 },       { POSTHORN_TRANSPORT_WS, POSTHORN_HTTP_1_1 },
        { POSTHORN_TRANSPORT_SSE, POSTHORN_HTTP_2 },      { POSTHORN_TRANSPORT_SSE, POSTHORN_HTTP_1_1 },
        { POSTHORN_TRANSPORT_LONGPOLL, POSTHORN_HTTP_2 }, { POSTHORN_TRANSPORT_LONGPOLL, POSTHORN_HTTP_1_1 },
        { POSTHORN_TRANSPORT_POLL, POSTHORN_HTTP_2 },     { POSTHORN_TRANSPORT_POLL, POSTHORN_HTTP_1_1 },
        { POSTHORN_TRANSPORT_PUSH, POSTHORN_HTTP_2 },
    };
    bool has_arrived = p->taken > p->taken_before && now_ms() - p->moved_ms >= p->stay_ms;
    if (!has_arrived && now_ms() - p->moved_ms < TRY_MS)
        return;
    if (p->next % COMBINATIONS == 0)
        shuffle(p);
    unsigned which = p->order[p->next++ % COMBINATIONS];
    p->taken_before = p->taken;
    if (posthorn_set_transport(p->receiver, all[which].way, all[which].http) != POSTHORN_OK)
        fail(p->receiver, "set_transport");
    p->switches++;
    p->moved_ms = now_ms();
    p->stay_ms = STAY_LEAST_MS + dice(p, STAY_MOST_MS - STAY_LEAST_MS);
}

static void wait_both(struct play *p)
{
    struct pollfd fds[32];
    size_t count = posthorn_fds(p->sender, fds, 16);
    count += posthorn_fds(p->receiver, fds + count, 16);
    int due[] = { posthorn_timeout_ms(p->sender), posthorn_timeout_ms(p->receiver) }, wait = 20;
    for (int n = 0; n < 2; n++)
        wait = due[n] >= 0 && due[n] < wait ? due[n] : wait;
    poll(fds, (nfds_t)count, wait);
    posthorn_step(p->sender);
    posthorn_step(p->receiver);
}

static void run(struct play *p)
{
    p->heard_ms = p->began_ms = now_ms();
    while (p->received < p->wanted && now_ms() - p->heard_ms < STUCK_MS) {
        send_some(p);
        wait_both(p);
        move(p);
    }
    /* What comes twice may come late. */
    for (uint64_t end = now_ms() + 1500; now_ms() < end;)
        wait_both(p);
}

int main(int argc, char *argv[])
{
    if (argc != 7) {
        fprintf(stderr, "usage: posthorn-switch SENDER-URL RECEIVER-URL CA DIR MESSAGES SEED\n");
        return 2;
    }
    struct play p = { .wanted = strtoul(argv[5], NULL, 10), .seed = (unsigned)strtoul(argv[6], NULL, 10) };
    make_accounts(argv[1], argv[3]);
    p.sender = enter(&p, argv[1], argv[3], NULL, "sender");
    p.receiver = enter(&p, argv[2], argv[3], argv[4], "receiver");
    make_conversations(&p);
    if (posthorn_listen(p.receiver, true) != POSTHORN_OK)
        fail(p.receiver, "listen");
    run(&p);
    for (unsigned n = 0; n < CONVERSATIONS; n++)
        if (p.seen[n] != p.sent[n])
            say_wrong(&p, "last message", p.seen[n], p.sent[n]);
    printf("switches %lu taken %lu failed %lu sent %lu seen %lu wrong %u\n", p.switches, p.taken,
           p.failed_ways, p.begun, p.received, p.wrong);
    for (unsigned n = 0; n < p.ways_count; n++)
        printf("way %s\n", p.ways[n]);
    posthorn_free(&p.sender);
    posthorn_free(&p.receiver);
    return p.wrong || p.refused || p.received != p.wanted;
}
