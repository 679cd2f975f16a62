/* load/setup.c - accounts, sessions and direct conversations
 *
 * Three rounds over one connection, each with some asks at a time: register (70 ms of the server each), log in, open
 * the conversations. What the server is too busy for is asked again a little later.
 */
#include "load/setup.h"

#include "base/check.h"
#include "load/bulk.h"
#include "load/scan.h"
#include "load/tally.h"
#include <stdio.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { SETUP_AT_A_TIME = 16, SETUP_SECONDS = 600, SETUP_BODY_BYTES = 4096 };

struct setup_round {
    const char *path;
    struct setup_account *const *account;
    struct setup_pair *pair;
    uint32_t next, count, open, failed;
    /* Writes the body of the nth ask, names its token, and takes its answer (false: it can't be used). */
    void (*say)(struct setup_round *r, uint32_t n, char body[static SETUP_BODY_BYTES], const char **token);
    bool (*take)(struct setup_round *r, uint32_t n, struct text answer);
    struct link *link;
    uint64_t pause_ns; /* nothing is asked before */
};
struct setup_ask {
    struct link_ask ask;
    struct setup_round *round;
    uint32_t n;
    bool is_waiting, is_open; /* to be asked (again); on its way */
    char body[SETUP_BODY_BYTES];
};

static struct setup_account *setup_nth(const struct setup_round *r, uint32_t n)
{
    return r->account[n];
}

static bool setup_keep(struct text word, char *into, size_t room)
{
    if (word.bytes == 0 || word.bytes >= room)
        return false;
    memcpy(into, word.at, word.bytes);
    into[word.bytes] = 0;
    return true;
}

static void setup_say_account(struct setup_round *r, uint32_t n, char body[static SETUP_BODY_BYTES],
                              const char **token)
{
    (void)token;
    snprintf(body, SETUP_BODY_BYTES, "{\"handle\":\"%s\",\"password\":\"correct horse battery\"}",
             setup_nth(r, n)->handle);
}

static bool setup_take_account(struct setup_round *r, uint32_t n, struct text answer)
{
    return setup_keep(scan_word(answer, "id"), setup_nth(r, n)->id, SETUP_ID_BYTES);
}

static void setup_say_session(struct setup_round *r, uint32_t n, char body[static SETUP_BODY_BYTES],
                              const char **token)
{
    (void)token;
    snprintf(body, SETUP_BODY_BYTES,
             "{\"handle\":\"%s\",\"password\":\"correct horse battery\","
             "\"device\":{\"name\":\"load\",\"platform\":\"test\"}}",
             setup_nth(r, n)->handle);
}

static bool setup_take_session(struct setup_round *r, uint32_t n, struct text answer)
{
    return setup_keep(scan_word(answer, "token"), setup_nth(r, n)->token, SETUP_TOKEN_BYTES);
}

static void setup_say_conversation(struct setup_round *r, uint32_t n, char body[static SETUP_BODY_BYTES],
                                   const char **token)
{
    const struct setup_pair *pair = &r->pair[n];
    size_t used;

    *token = pair->from.token;
    if (pair->to_count == 1) {
        snprintf(body, SETUP_BODY_BYTES, "{\"kind\":\"direct\",\"with\":\"%s\"}", pair->to[0].id);
        return;
    }
    used = (size_t)snprintf(body, SETUP_BODY_BYTES, "{\"kind\":\"group\",\"title\":\"load\",\"members\":[");
    for (uint32_t k = 0; k < pair->to_count; k++)
        used +=
            (size_t)snprintf(body + used, SETUP_BODY_BYTES - used, "%s\"%s\"", k ? "," : "", pair->to[k].id);
    snprintf(body + used, SETUP_BODY_BYTES - used, "]}");
}

static bool setup_take_conversation(struct setup_round *r, uint32_t n, struct text answer)
{
    return setup_keep(scan_word(answer, "id"), r->pair[n].conversation, SETUP_ID_BYTES);
}

static void setup_done(struct link_ask *a)
{
    struct setup_ask *s = a->ctx;
    struct setup_round *r = s->round;

    s->is_open = false;
    r->open--;
    if (a->status == 503 || a->status == 429) {
        s->is_waiting = true;
        r->pause_ns = tally_now_ns() + 200 * 1000000u;
        return;
    }
    if ((a->status == 200 || a->status == 201) && r->take(r, s->n, buf_text(&a->answer)))
        return;
    if (r->failed++ == 0)
        fprintf(stderr, "posthorn-load: POST %s: %d %.*s\n", r->path, a->status,
                (int)(a->answer.bytes < 300 ? a->answer.bytes : 300), a->answer.at ? a->answer.at : "");
}

static void setup_ask_some(struct setup_round *r, struct setup_ask *asks)
{
    if (tally_now_ns() < r->pause_ns)
        return;
    for (uint32_t k = 0; k < SETUP_AT_A_TIME; k++) {
        struct setup_ask *s = &asks[k];
        if (s->is_open || (!s->is_waiting && (r->next == r->count || r->failed)))
            continue;
        if (!s->is_waiting)
            s->n = r->next++;
        s->is_waiting = false;
        s->is_open = true;
        r->open++;
        s->ask.token = NULL;
        r->say(r, s->n, s->body, &s->ask.token);
        s->ask.body = text_of(s->body);
        link_ask(r->link, &s->ask);
    }
}

static bool setup_waits(const struct setup_ask *asks)
{
    for (uint32_t k = 0; k < SETUP_AT_A_TIME; k++)
        if (asks[k].is_waiting)
            return true;
    return false;
}

static struct setup_ask *setup_new_asks(struct setup_round *r)
{
    struct setup_ask *asks = calloc(SETUP_AT_A_TIME, sizeof *asks);

    CHECK(asks);
    for (uint32_t k = 0; k < SETUP_AT_A_TIME; k++) {
        link_ask_init(&asks[k].ask);
        asks[k].round = r;
        asks[k].ask.method = "POST";
        asks[k].ask.path = r->path;
        asks[k].ask.done = setup_done;
        asks[k].ask.ctx = &asks[k];
    }
    return asks;
}

static bool setup_is_over(const struct setup_round *r, const struct setup_ask *asks)
{
    return r->failed || (r->next == r->count && !r->open && !setup_waits(asks));
}

static bool setup_run(struct setup_round *r, const struct link_target *t)
{
    struct setup_ask *asks = setup_new_asks(r);
    uint64_t end = tally_now_ns() + SETUP_SECONDS * 1000000000ull;
    struct epoll_event event;
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    CHECK(epoll >= 0);
    r->link = link_new(t, epoll, LINK_H2);
    bool is_up = r->link != NULL;
    while (is_up && tally_now_ns() < end && !setup_is_over(r, asks)) {
        setup_ask_some(r, asks);
        is_up = link_flush(r->link);
        if (is_up && epoll_wait(epoll, &event, 1, 100) > 0)
            is_up = link_ready(r->link);
    }
    bool good = is_up && !r->failed && setup_is_over(r, asks);
    if (!good && !r->failed)
        fprintf(stderr, "posthorn-load: POST %s: %s\n", r->path, is_up ? "took too long" : "connection lost");
    link_free(&r->link);
    for (uint32_t k = 0; k < SETUP_AT_A_TIME; k++)
        link_ask_fini(&asks[k].ask);
    free(asks);
    close(epoll);
    return good;
}

/* Accounts as "handle id token" lines. */
static bool setup_read(const char *path, struct setup_account *const *account, uint32_t count)
{
    FILE *file = path ? fopen(path, "r") : NULL;
    uint32_t n = 0;

    if (!file)
        return false;
    while (n < count &&
           fscanf(file, "%31s %23s %127s", account[n]->handle, account[n]->id, account[n]->token) == 3)
        n++;
    fclose(file);
    return n == count;
}

static bool setup_write(const char *path, struct setup_account *const *account, uint32_t count)
{
    FILE *file = path ? fopen(path, "w") : NULL;

    if (!file)
        return path == NULL;
    for (uint32_t n = 0; n < count; n++)
        fprintf(file, "%s %s %s\n", account[n]->handle, account[n]->id, account[n]->token);
    return fclose(file) == 0;
}

/* Taken from the file, or made. */
static bool setup_enroll(const struct link_target *t, struct setup_account *const *account, uint32_t count,
                         struct setup_from from)
{
    struct setup_round accounts = { .path = "/v1/accounts",
                                    .account = account,
                                    .count = count,
                                    .say = setup_say_account,
                                    .take = setup_take_account };
    struct setup_round sessions = { .path = "/v1/sessions",
                                    .account = account,
                                    .count = count,
                                    .say = setup_say_session,
                                    .take = setup_take_session };
    unsigned run = (unsigned)tally_now_ns() ^ (unsigned)getpid() << 16;

    if (setup_read(from.file, account, count))
        return true;
    for (uint32_t n = 0; n < count; n++)
        snprintf(account[n]->handle, sizeof account[n]->handle, "load%08x-%u", run, n);
    bool good = from.conninfo ? bulk_accounts(from.conninfo, account, count)
                              : setup_run(&accounts, t) && setup_run(&sessions, t);
    if (!good)
        return false;
    if (!setup_write(from.file, account, count))
        fprintf(stderr, "posthorn-load: can't write %s\n", from.file);
    return true;
}

bool setup_accounts(const struct link_target *t, struct setup_account *account, uint32_t count,
                    struct setup_from from)
{
    struct setup_account **each = calloc(count, sizeof *each);

    CHECK(each);
    for (uint32_t n = 0; n < count; n++)
        each[n] = &account[n];
    bool good = setup_enroll(t, each, count, from);
    free(each);
    return good;
}

struct setup_pair *setup_pairs_new(uint32_t count, uint32_t to_count)
{
    struct setup_pair *pair = calloc(count, sizeof *pair);

    CHECK(pair);
    for (uint32_t n = 0; n < count; n++) {
        pair[n].to_count = to_count;
        pair[n].to = calloc(to_count, sizeof *pair[n].to);
        CHECK(pair[n].to);
    }
    return pair;
}

void setup_pair_resize(struct setup_pair *pair, uint32_t to_count)
{
    free(pair->to);
    pair->to = calloc(to_count, sizeof *pair->to);
    CHECK(pair->to);
    pair->to_count = to_count;
}

void setup_pairs_free(struct setup_pair **pair, uint32_t count)
{
    for (uint32_t n = 0; *pair && n < count; n++)
        free((*pair)[n].to);
    free(*pair);
    *pair = NULL;
}

bool setup_pairs(const struct link_target *t, struct setup_pair *pair, uint32_t count, uint32_t to_count,
                 struct setup_from from)
{
    struct setup_account **each = calloc(count * (1 + (size_t)to_count), sizeof *each);
    struct setup_round conversations = { .path = "/v1/conversations",
                                         .pair = pair,
                                         .count = count,
                                         .say = setup_say_conversation,
                                         .take = setup_take_conversation };
    uint32_t all = 0;

    CHECK(each);
    for (uint32_t n = 0; n < count; n++) {
        each[all++] = &pair[n].from;
        for (uint32_t k = 0; k < pair[n].to_count; k++)
            each[all++] = &pair[n].to[k];
    }
    bool good = setup_enroll(t, each, all, from) && setup_run(&conversations, t);
    free(each);
    return good;
}
