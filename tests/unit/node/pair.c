/* unit/node/pair.c - two nodes with links to each other in one process, and relays between them that can cut or stop */
#include "pair.h"
#include "base/secret.h"
#include "unit/net/authority.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { RELAY_BYTES = 64 * 1024 };

static uint64_t clock_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static struct pair_side *other(struct pair_side *s)
{
    return &s->pair->side[s == &s->pair->side[0]];
}

static void on_up(void *ctx, uint32_t node)
{
    struct pair_side *s = ctx;

    assert_false(s->pair->is_inside);
    assert_int_equal(node, other(s)->self.node);
    assert_true(links_is_up(s->links, node));
    s->ups++;
}

static void on_down(void *ctx, uint32_t node, bool is_lost)
{
    struct pair_side *s = ctx;

    assert_false(s->pair->is_inside);
    assert_false(links_is_up(s->links, node));
    s->downs++;
    s->losts += is_lost;
}

static void on_frame(void *ctx, uint32_t from, const struct frame *f)
{
    struct pair_side *s = ctx;

    assert_false(s->pair->is_inside);
    assert_int_equal(from, other(s)->self.node);
    s->sends += f->type == FRAME_SEND;
    s->nothings += f->type == FRAME_EPOCH && f->epoch == 0;
    if (f->type == FRAME_SEND || f->type == FRAME_EPOCH)
        return;
    s->frames++;
    s->frames_turn++;
    assert_int_equal(f->type, FRAME_NOTICE);
    if (!s->takes_any)
        assert_int_equal(f->timeline, s->heard + 1);
    s->heard = f->timeline;
    for (size_t i = 0; i < f->encoded.bytes; i += 997)
        assert_int_equal((unsigned char)f->encoded.at[i], (f->timeline + i) & 0xff);
    if (s->answers)
        pair_say(s->pair, s == &s->pair->side[1], 10);
}

static void on_stranger(void *ctx, uint32_t node)
{
    (void)node;
    ((struct pair_side *)ctx)->strangers++;
}

static const struct links_events events = { on_up, on_down, on_frame, on_stranger };

/* Where a listener is, or its relay: returns the length. */
static socklen_t address_of(const struct pair *p, const char *path, uint16_t port,
                            struct sockaddr_storage *into)
{
    struct sockaddr_un local = { .sun_family = AF_UNIX };
    struct sockaddr_in loopback = { .sin_family = AF_INET,
                                    .sin_port = htons(port),
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

    memcpy(local.sun_path, path, strlen(path));
    memcpy(into, p->with_tls ? (const void *)&loopback : (const void *)&local,
           p->with_tls ? sizeof(loopback) : sizeof(local));
    return p->with_tls ? sizeof(loopback) : sizeof(local);
}

static int relay_listen(struct pair_side *s)
{
    struct sockaddr_storage at;
    struct sockaddr_in bound;
    socklen_t bytes = address_of(s->pair, s->relay_path, 0, &at);
    int fd = socket(at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&at, bytes), 0);
    assert_int_equal(listen(fd, 16), 0);
    bytes = sizeof(bound);
    if (s->pair->with_tls) {
        assert_int_equal(getsockname(fd, (struct sockaddr *)&bound, &bytes), 0);
        s->relay_port = ntohs(bound.sin_port);
    }
    return fd;
}

static void on_tick(void *ctx)
{
    struct pair *p = ctx;

    loop_timer_set(&p->tick, 1);
}

static void side_new(struct pair *p, int k)
{
    struct pair_side *s = &p->side[k];
    struct config_error why;
    char address[160];

    s->pair = p;
    assert_int_equal(config_parse(&s->config, "", 0, &why), ERR_OK);
    snprintf(s->config.node_tls_directory, sizeof(s->config.node_tls_directory), "%s/tls%d", p->directory, k);
    snprintf(s->path, sizeof(s->path), "%s/link%d", p->directory, k);
    snprintf(s->relay_path, sizeof(s->relay_path), "%s/relay%d", p->directory, k);
    snprintf(s->peer.host, sizeof(s->peer.host), k ? "right" : "left");
    s->self = (struct links_self){ .node = 3 + (uint32_t)k, .incarnation = 100 + (uint64_t)k };
    s->net = net_new(p->loop, &s->config);
    s->links = links_new(p->loop, &s->config, s->self, &events, s);
    p->relay[k] = p->with_relays ? relay_listen(s) : -1;
    snprintf(address, sizeof(address), p->with_tls ? "127.0.0.1:0" : "unix:%s", s->path);
    assert_int_equal(net_listen_link(s->net, address, links_request, s->links, &s->port), ERR_OK);
    if (p->with_tls)
        snprintf(s->peer.address, sizeof(s->peer.address), "127.0.0.1:%u",
                 p->with_relays ? s->relay_port : s->port);
    else
        snprintf(s->peer.address, sizeof(s->peer.address), "unix:%.100s",
                 p->with_relays ? s->relay_path : s->path);
}

struct pair *pair_new(bool with_tls, bool with_relays)
{
    struct pair *p = calloc(1, sizeof(*p));
    struct authority *a = authority_new();
    char directory[128];

    assert_non_null(p);
    secret_init();
    signal(SIGPIPE, SIG_IGN); /* as the worker does */
    p->with_tls = with_tls;
    p->with_relays = with_relays;
    snprintf(p->directory, sizeof(p->directory), "/tmp/posthorn-links-XXXXXX");
    assert_non_null(mkdtemp(p->directory));
    p->loop = loop_new();
    loop_timer_init(&p->tick, p->loop, on_tick, p);
    loop_timer_set(&p->tick, 1);
    for (int k = 0; k < PAIR_JOINTS; k++)
        p->joint[k].from = p->joint[k].to = -1;
    for (int k = 0; k < PAIR_SIDES; k++) {
        snprintf(directory, sizeof(directory), "%s/tls%d", p->directory, k);
        authority_write(a, a, directory, k ? "right" : "left");
        side_new(p, k);
    }
    authority_free(&a);
    return p;
}

static void hang_up(struct pair_joint *j)
{
    if (j->from >= 0)
        close(j->from);
    if (j->to >= 0)
        close(j->to);
    *j = (struct pair_joint){ -1, -1, 0 };
}

void pair_free(struct pair **at)
{
    struct pair *p = *at;
    char directory[128];

    for (int k = 0; k < PAIR_JOINTS; k++)
        hang_up(&p->joint[k]);
    for (int k = 0; k < PAIR_SIDES; k++) {
        struct pair_side *s = &p->side[k];

        links_free(&s->links);
        net_free(&s->net);
        if (p->relay[k] >= 0)
            close(p->relay[k]);
        unlink(s->path);
        unlink(s->relay_path);
        snprintf(directory, sizeof(directory), "%s/tls%d", p->directory, k);
        authority_remove(directory);
    }
    loop_timer_clear(&p->tick);
    loop_free(&p->loop);
    rmdir(p->directory);
    free(p);
    *at = NULL;
}

void pair_tell(struct pair *p, int side)
{
    struct pair_side *s = &p->side[side], *o = other(s);
    struct links_peer peer = { .node = o->self.node, .incarnation = o->self.incarnation };

    memcpy(peer.address, o->peer.address, sizeof(peer.address));
    memcpy(peer.host, o->peer.host, sizeof(peer.host));
    links_set(s->links, &peer, 1);
}

void pair_meet(struct pair *p)
{
    pair_tell(p, 0);
    pair_tell(p, 1);
}

/* The listener stays, and asks the new links: as the supervisor's does. */
static void request_of_side(struct exchange *x, void *ctx)
{
    struct pair_side *s = ctx;

    links_request(x, s->links);
}

void pair_restart(struct pair *p, int side, uint64_t incarnation)
{
    struct pair_side *s = &p->side[side];

    links_free(&s->links);
    net_free(&s->net);
    unlink(s->path);
    s->self.incarnation = incarnation;
    s->said = s->heard = 0;
    s->net = net_new(p->loop, &s->config);
    s->links = links_new(p->loop, &s->config, s->self, &events, s);
    assert_false(p->with_tls);
    char address[160];
    snprintf(address, sizeof(address), "unix:%s", s->path);
    assert_int_equal(net_listen_link(s->net, address, request_of_side, s, NULL), ERR_OK);
}

static void relay_accept(struct pair *p, int side)
{
    const struct pair_side *s = &p->side[side];
    struct sockaddr_storage at;
    socklen_t bytes = address_of(p, s->path, s->port, &at);
    int fd = accept4(p->relay[side], NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), k = 0;

    if (fd < 0)
        return;
    while (k < PAIR_JOINTS && p->joint[k].from >= 0)
        k++;
    assert_true(k < PAIR_JOINTS);
    p->joint[k].from = fd;
    p->joint[k].to = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(p->joint[k].to, (struct sockaddr *)&at, bytes) != 0)
        hang_up(&p->joint[k]);
    else
        fcntl(p->joint[k].to, F_SETFL, O_NONBLOCK);
}

/* False: over. Only as much is taken as the other side has room for: half of what a socket holds. */
static bool pass(struct pair *p, struct pair_joint *j, int from, int to)
{
    char bytes[RELAY_BYTES];
    size_t room = sizeof(bytes);
    ssize_t n, sent;

    if (p->cut_after && p->cut_after - j->passed < room)
        room = p->cut_after - j->passed;
    n = recv(from, bytes, room, MSG_PEEK);
    if (n < 0)
        return errno == EAGAIN;
    if (n == 0)
        return false;
    sent = send(to, bytes, (size_t)n, MSG_NOSIGNAL);
    if (sent < 0)
        return errno == EAGAIN;
    assert_int_equal(recv(from, bytes, (size_t)sent, 0), sent);
    j->passed += (size_t)sent;
    if (p->cut_after && j->passed >= p->cut_after) {
        p->cuts++;
        return false;
    }
    return true;
}

static void relays_turn(struct pair *p)
{
    for (int k = 0; k < PAIR_SIDES && p->with_relays; k++)
        relay_accept(p, k);
    for (int k = 0; k < PAIR_JOINTS && !p->is_frozen; k++) {
        struct pair_joint *j = &p->joint[k];

        if (j->from >= 0 && (!pass(p, j, j->from, j->to) || !pass(p, j, j->to, j->from)))
            hang_up(j);
    }
}

void pair_turn(struct pair *p)
{
    p->side[0].frames_turn = p->side[1].frames_turn = 0;
    relays_turn(p);
    loop_wait(p->loop, true);
    for (int k = 0; k < PAIR_SIDES; k++) {
        links_flush(p->side[k].links);
        net_flush(p->side[k].net);
    }
}

void pair_run(struct pair *p, unsigned ms)
{
    uint64_t until = clock_ms() + ms;

    do
        pair_turn(p);
    while (clock_ms() < until);
}

bool pair_say(struct pair *p, int side, size_t bytes)
{
    struct pair_side *s = &p->side[side];
    struct frame f = { .type = FRAME_NOTICE, .node = s->self.node, .timeline = s->said + 1 };
    char *encoded = malloc(bytes + 1);
    bool was_inside = p->is_inside, is_kept;
    struct blob *b;

    for (size_t i = 0; i < bytes; i++)
        encoded[i] = (char)(f.timeline + i);
    f.encoded = (struct text){ encoded, bytes };
    b = frame_encode(&f);
    free(encoded);
    p->is_inside = true;
    is_kept = links_send(s->links, other(s)->self.node, b);
    p->is_inside = was_inside;
    blob_free(&b);
    s->said += is_kept;
    return is_kept;
}

void pair_ask(struct pair *p, int side)
{
    struct frame f = { .type = FRAME_SEND, .request = 1, .text = TEXT_INIT("hello") };
    struct blob *b = frame_encode(&f);

    assert_true(links_send(p->side[side].links, other(&p->side[side])->self.node, b));
    blob_free(&b);
}

struct links_stats pair_stats(struct pair *p, int side)
{
    struct links_stats stats;

    links_stats_read(p->side[side].links, &stats);
    return stats;
}

struct pair *pair_up(bool with_tls, bool with_relays)
{
    struct pair *p = pair_new(with_tls, with_relays);

    pair_meet(p);
    PAIR_UNTIL(p, p->side[0].ups == 1 && p->side[1].ups == 1);
    return p;
}

bool pair_all_heard(const struct pair *p)
{
    return p->side[0].heard == p->side[1].said && p->side[1].heard == p->side[0].said;
}
