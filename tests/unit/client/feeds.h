/* unit/client/feeds.h - feeds that do what a test says, a clock that it moves, and a client on them */
#pragma once
#include "lib/client.h"
#include "lib/clock.h"
#include "lib/files.h"
#include "lib/receive.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { FEEDS_MOST = 64, SEEN_MOST = 1000 };

/* A feed that does what the test says. */
struct fake {
    struct feed feed;
    enum feed_way way;
    struct http *http;
    char cursor[64];
    char acked[64];
    uint32_t hold_s;
    const struct feed_events *on;
    void *context;
    bool is_open, is_live;
};

static struct {
    struct fake at[FEEDS_MOST];
    unsigned count;
    uint64_t now_ms;
} world;

/* The clock and the feeds in place of the library's own. */
uint64_t clock_ms(void)
{
    return world.now_ms;
}

uint64_t clock_unix_ms(void)
{
    return world.now_ms;
}

uint32_t clock_dice(uint32_t most)
{
    return most / 2;
}

void clock_random(void *into, unsigned bytes)
{
    memset(into, 7, bytes);
}

struct feed *feed_open(struct http *h, enum feed_way way, const char *cursor, const char *token,
                       uint32_t hold_s, const struct feed_events *e, void *context)
{
    assert_true(world.count < FEEDS_MOST);
    assert_string_equal(token, "token");
    struct fake *f = &world.at[world.count++];
    *f = (struct fake){
        .way = way, .http = h, .hold_s = hold_s, .on = e, .context = context, .is_open = true
    };
    snprintf(f->cursor, sizeof f->cursor, "%s", cursor);
    return &f->feed;
}

static struct fake *of(const struct feed *f)
{
    return (struct fake *)f;
}

bool feed_is_live(const struct feed *f)
{
    return of(f)->is_live;
}

void feed_ack(struct feed *f, const char *cursor)
{
    snprintf(of(f)->acked, sizeof of(f)->acked, "%s", cursor);
}

void feed_step(struct feed *f, uint64_t now_ms)
{
    (void)f, (void)now_ms;
}

uint64_t feed_due_ms(const struct feed *f)
{
    (void)f;
    return UINT64_MAX;
}

void feed_close(struct feed **f)
{
    assert_true(of(*f)->is_open);
    of(*f)->is_open = false;
    *f = NULL;
}

struct stage {
    struct posthorn *p;
    char dir[sizeof "/tmp/posthorn-ways-XXXXXX"];
    uint64_t seen[SEEN_MOST];
    unsigned count, resyncs;
    bool is_online;
    int offline_status;
    char way[200], failed[400];
    uint64_t stop_at; /* the callback stops receiving at this number */
    bool starts_again;
    unsigned typed;
};

static void on_event(void *context, const struct posthorn_event *e)
{
    struct stage *s = context;
    assert_true(s->count < SEEN_MOST);
    s->seen[s->count++] = e->i;
    if (s->stop_at != e->i)
        return;
    posthorn_listen(s->p, false);
    if (s->starts_again)
        assert_int_equal(posthorn_listen(s->p, true), POSTHORN_OK);
}

static void on_online(void *context, bool is_online, const struct posthorn_problem *why)
{
    struct stage *s = context;
    s->is_online = is_online;
    s->offline_status = why->http_status;
}

static void on_way(void *context, const char *way, const char *why)
{
    struct stage *s = context;
    if (why)
        snprintf(s->failed, sizeof s->failed, "%s: %s", way, why);
    else
        snprintf(s->way, sizeof s->way, "%s", way);
}

static void on_typing(void *context, const char *conversation, const char *user)
{
    struct stage *s = context;
    assert_string_equal(conversation, "9");
    assert_string_equal(user, "5");
    s->typed++;
}

static int open_stage(void **state)
{
    struct stage *s = calloc(1, sizeof *s);
    struct posthorn_options o = { .server = "http://127.0.0.1:1", .state_dir = s->dir };
    struct cursor begin = { .text = "3.100", .i = 100, .knows_i = true };
    memcpy(s->dir, "/tmp/posthorn-ways-XXXXXX", sizeof s->dir);
    assert_non_null(mkdtemp(s->dir));
    memset(&world, 0, sizeof world);
    world.now_ms = 1000 * 1000;
    o.on = (struct posthorn_callbacks){
        .on_event = on_event, .on_online = on_online, .on_way = on_way, .on_typing = on_typing, .context = s
    };
    assert_int_equal(posthorn_new(&o, &s->p, NULL), POSTHORN_OK);
    memcpy(s->p->session.token, "token", 6);
    assert_true(cursor_save(&begin, s->dir));
    assert_int_equal(posthorn_listen(s->p, true), POSTHORN_OK);
    *state = s;
    return 0;
}

static int close_stage(void **state)
{
    struct stage *s = *state;
    posthorn_free(&s->p);
    for (unsigned n = 0; n < world.count; n++)
        assert_false(world.at[n].is_open);
    static const char *const names[] = { "cursor", "receive.lock" };
    for (unsigned n = 0; n < 2; n++) {
        char *path = files_join(s->dir, names[n]);
        unlink(path);
        free(path);
    }
    assert_int_equal(rmdir(s->dir), 0);
    free(s);
    return 0;
}
