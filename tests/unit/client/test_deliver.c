/* unit/client/test_deliver.c - when a message is sent again whose connection broke */
#include "lib/client.h"
#include "lib/clock.h"
#include "lib/deliver.h"
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { TURNS_MOST = 4000 }; /* of at most 5 ms */

/* A client and the server that it talks to, in one thread. */
struct stage {
    struct posthorn *p;
    int listener, fd; /* fd -1: nobody is connected */
    char got[4096];
    size_t bytes;
};

static int open_stage(void **state)
{
    struct stage *s = calloc(1, sizeof *s);
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t bytes = sizeof at;
    char server[64];
    s->fd = -1;
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(s->listener, 8), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&at, &bytes), 0);
    snprintf(server, sizeof server, "http://127.0.0.1:%u", ntohs(at.sin_port));
    assert_int_equal(posthorn_new(&(struct posthorn_options){ .server = server }, &s->p, NULL), POSTHORN_OK);
    http_free(&s->p->http);
    s->p->http = http_new(&s->p->nodes, &s->p->proxy, NULL, CONN_H1, false);
    memcpy(s->p->session.token, "token", 6);
    *state = s;
    return 0;
}

static int close_stage(void **state)
{
    struct stage *s = *state;
    posthorn_free(&s->p);
    if (s->fd >= 0)
        close(s->fd);
    close(s->listener);
    free(s);
    return 0;
}

static void turn(struct stage *s)
{
    struct pollfd fds[4];
    poll(fds, http_fds(s->p->http, fds, 4), 5);
    deliver_step(s->p, clock_ms());
    http_step(s->p->http, clock_ms());
    if (s->fd < 0)
        s->fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    ssize_t count = s->fd < 0 ? 0 : recv(s->fd, s->got + s->bytes, sizeof s->got - 1 - s->bytes, 0);
    s->bytes += count > 0 ? (size_t)count : 0;
    s->got[s->bytes] = 0;
}

/* Until the server has the request with its text. */
static void await_request(struct stage *s)
{
    s->bytes = 0;
    s->got[0] = 0;
    for (int n = 0; n < TURNS_MOST && !strstr(s->got, "hello"); n++)
        turn(s);
    assert_non_null(strstr(s->got, "hello"));
}

/* The server ends without a word; answers how long the client means to wait, in ms. */
static uint64_t break_connection(struct stage *s)
{
    close(s->fd);
    s->fd = -1;
    for (int n = 0; n < TURNS_MOST && s->p->deliver.sending; n++)
        turn(s);
    assert_int_equal(s->p->deliver.sending, 0);
    assert_int_equal(s->p->outbox.count, 1);
    uint64_t now_ms = clock_ms(), due_ms = deliver_due_ms(s->p);
    return due_ms > now_ms ? due_ms - now_ms : 0;
}

static void answer(struct stage *s)
{
    static const char text[] =
        "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 21\r\n\r\n"
        "{\"id\":\"77\", \"seq\":12}";
    assert_int_equal(send(s->fd, text, sizeof text - 1, MSG_NOSIGNAL), sizeof text - 1);
    for (int n = 0; n < TURNS_MOST && s->p->outbox.count; n++)
        turn(s);
    assert_int_equal(s->p->outbox.count, 0);
}

static void say_hello(struct stage *s)
{
    assert_int_equal(posthorn_send(s->p, "7", "hello", 5, NULL, NULL), POSTHORN_OK);
    await_request(s);
}

/* A node that ends takes connections with it: its next one is there already. */
static void the_first_break_is_no_reason_to_wait(void **state)
{
    struct stage *s = *state;
    say_hello(s);
    assert_in_range(break_connection(s), 0, DELIVER_HURRY_MS);
    await_request(s);
    answer(s);
    say_hello(s); /* it worked, so the next one is the first again */
    assert_in_range(break_connection(s), 0, DELIVER_HURRY_MS);
    await_request(s);
    answer(s);
}

static void the_second_is_one(void **state)
{
    struct stage *s = *state;
    say_hello(s);
    assert_in_range(break_connection(s), 0, DELIVER_HURRY_MS);
    await_request(s);
    assert_in_range(break_connection(s), 0, BACKOFF_LEAST_MS);
    await_request(s);
    assert_in_range(break_connection(s), BACKOFF_LEAST_MS - 50, 2000);
    await_request(s);
    answer(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_first_break_is_no_reason_to_wait, open_stage, close_stage),
        cmocka_unit_test_setup_teardown(the_second_is_one, open_stage, close_stage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
