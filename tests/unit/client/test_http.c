/* unit/client/test_http.c - requests among several nodes: who is tried, who is left, and what waits meanwhile */
#include "stage.h"

struct asked {
    unsigned done, unsent;
    unsigned moves; /* of the last one */
    int status;
};

static void done(void *context, struct exchange *x)
{
    struct asked *a = context;
    a->done++;
    a->unsent += x->end == EXCHANGE_UNSENT;
    a->moves = x->moves;
    a->status = x->response.status;
}

static void ask(struct stage *s, struct asked *a)
{
    struct exchange *x = exchange_new("GET", "/", NULL, NULL);
    x->done = done;
    x->context = a;
    assert_true(http_start(s->http, x, clock_ms() + PATIENCE_MS));
}

/* The peer is the proxy before all of them. */
static void name_three(struct stage *s)
{
    static const char json[] = "{\"nodes\":[{\"url\":\"http://chat.example\"},{\"url\":\"http://b.example\"},"
                               "{\"url\":\"http://c.example\"}]}";
    struct posthorn_answer *a = wire_parse(json, strlen(json));
    assert_true(nodes_take(&s->nodes, a));
    wire_free(&a);
    assert_int_equal(s->nodes.count, 3);
}

static void close_listener(struct stage *s)
{
    close(s->listener);
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* another that nobody knows of */
}

/* One request that is answered: from then on it is known that HTTP/1.1 is spoken. */
static void begin(struct stage *s, const char *head)
{
    struct asked a = { 0 };
    ask(s, &a);
    AWAIT(s, strstr(s->got.at, "\r\n\r\n"));
    say(s, head);
    AWAIT(s, a.done);
    assert_int_equal(a.status, 200);
    buf_drop(&s->got, s->got.bytes);
}

/* A proxy that takes its time, and lets several wait, before it says that it can't reach the server. */
static void refuse_all(struct stage *s, unsigned *refused)
{
    static const char no[] = "HTTP/1.1 502 Bad Gateway\r\n\r\n";
    int fds[8];
    unsigned count = 0;
    uint64_t until_ms = clock_ms() + 20;
    while (clock_ms() < until_ms) {
        int fd = count < 8 ? accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC) : -1;
        if (fd >= 0)
            fds[count++] = fd;
        http_step(s->http, clock_ms());
    }
    for (unsigned n = 0; n < count; n++) {
        assert_true(send(fds[n], no, sizeof no - 1, MSG_NOSIGNAL) > 0);
        close(fds[n]);
        http_step(s->http, clock_ms()); /* they come one after the other */
    }
    *refused += count;
}

static void many_that_reach_nobody_fail_after_one_round(void **state)
{
    struct stage *s = stage_new("");
    struct asked a = { 0 };
    unsigned refused = 0;
    (void)state;
    name_three(s);
    ask(s, &a);
    AWAIT(s, strstr(s->got.at, "\r\n\r\n"));
    say(s, "HTTP/1.1 200 OK\r\n\r\n");
    AWAIT(s, strstr(s->got.at, "GET /"));
    say(s, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}");
    AWAIT(s, a.done == 1 && s->fd < 0);
    for (int n = 0; n < 3; n++) /* HTTP/1.1 needs a connection for each */
        ask(s, &a);
    for (int round = 0; round < 12 && a.done < 4; round++)
        refuse_all(s, &refused);
    assert_int_equal(a.done, 4);
    assert_int_equal(a.unsent, 3);
    assert_in_range(refused, 4, 12);
    stage_free(s);
}

static void beside_one_that_lasts_there_is_a_pause(void **state)
{
    struct stage *s = stage_new(NULL);
    struct asked lasting = { 0 }, a = { 0 };
    (void)state;
    begin(s, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    ask(s, &lasting);
    AWAIT(s, strstr(s->got.at, "\r\n\r\n"));
    close_listener(s);
    ask(s, &a);
    for (int n = 0; n < 4; n++) {
        turn(s);
        assert_in_range(http_timeout_ms(s->http, clock_ms()), 1, 1000);
    }
    assert_int_equal(a.done + lasting.done, 0); /* both may still be answered */
    buf_drop(&s->got, s->got.bytes);
    say(s, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    AWAIT(s, lasting.done && s->got.bytes);
    say(s, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    AWAIT(s, a.done);
    assert_int_equal(a.status, 200);
    stage_free(s);
}

static void only_what_leads_elsewhere_is_retired(void **state)
{
    struct stage *s = stage_new(NULL);
    struct asked a = { 0 };
    (void)state;
    begin(s, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    http_retire(s->http); /* it leads to the node in use */
    ask(s, &a);
    AWAIT(s, strstr(s->got.at, "\r\n\r\n"));
    assert_int_equal(s->accepted, 1);
    say(s, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    AWAIT(s, a.done == 1);
    assert_int_equal(a.moves, 0);
    s->nodes.moves = 1; /* as after a move to another name of this peer */
    buf_drop(&s->got, s->got.bytes);
    http_retire(s->http);
    ask(s, &a);
    AWAIT(s, s->accepted == 2);
    AWAIT(s, strstr(s->got.at, "\r\n\r\n"));
    say(s, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    AWAIT(s, a.done == 2);
    assert_int_equal(a.moves, 1);
    stage_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_that_reach_nobody_fail_after_one_round),
        cmocka_unit_test(beside_one_that_lasts_there_is_a_pause),
        cmocka_unit_test(only_what_leads_elsewhere_is_retired),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
