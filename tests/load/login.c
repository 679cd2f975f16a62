/* load/login.c - connecting, and the first verb with a token that the server does not know yet
 *
 * Every connection is new and every account is used once, so that neither a session nor anything else of it is at
 * hand. Some connections are under way at a time, and each is closed when its verb was answered.
 */
#include "load/login.h"

#include "base/check.h"
#include "load/cpu.h"
#include "load/report.h"
#include "load/setup.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { LOGIN_EVENTS = 64, LOGIN_WAIT_S = 60 };

struct login {
    const struct options *o;
    const struct link_target *target;
    struct setup_account *account;
    int epoll;
    uint32_t begun, done, errors, resumed;
    SSL_SESSION *resume;
    struct tally took;
    char first_error[200];
};

struct login_client {
    struct login *run;
    struct link *link;
    struct link_ask ask;
    uint64_t began_ns;
    bool is_over; /* to be closed at the turn's end, and used again */
};

static void login_answered(struct link_ask *a)
{
    struct login_client *c = a->ctx;
    struct login *run = c->run;

    if (c->is_over)
        return;
    c->is_over = true;
    run->done++;
    tally_add(&run->took, tally_now_ns() - c->began_ns);
    if (a->status == 200)
        return;
    if (run->errors++ == 0)
        snprintf(run->first_error, sizeof run->first_error, "%d %.*s", a->status,
                 (int)(a->answer.bytes < 120 ? a->answer.bytes : 120), a->answer.at ? a->answer.at : "");
}

static void login_begin(struct login_client *c, struct login *run)
{
    *c = (struct login_client){ .run = run, .began_ns = tally_now_ns() };
    c->link = link_begin(run->target, run->epoll, run->o->version, run->resume);
    link_ask_init(&c->ask);
    if (!c->link) {
        c->is_over = true;
        run->begun++;
        run->done++;
        if (run->errors++ == 0)
            snprintf(run->first_error, sizeof run->first_error, "connecting: %s", strerror(errno));
        return;
    }
    c->ask.method = "GET";
    c->ask.path = "/v1/events?after=now";
    c->ask.token = run->account[run->begun++].token;
    c->ask.done = login_answered;
    c->ask.ctx = c;
    link_ask(c->link, &c->ask);
    link_flush(c->link);
}

static void login_close(struct login_client *c)
{
    struct login *run = c->run;

    if (c->link) {
        run->resumed += link_is_resumed(c->link);
        if (run->o->resume && !run->resume)
            run->resume = link_session(c->link);
        link_free(&c->link);
    }
    link_ask_fini(&c->ask);
    c->run = NULL;
}

/* Until count are done; false: not in time. */
static bool login_run(struct login *run, struct login_client *client, uint32_t count)
{
    struct epoll_event event[LOGIN_EVENTS];
    uint32_t at_a_time = run->o->handshakes < count ? run->o->handshakes : count, last = run->begun + count;

    for (uint64_t end = tally_now_ns() + LOGIN_WAIT_S * 1000000000ull;
         run->done < last && tally_now_ns() < end;) {
        for (uint32_t k = 0; k < at_a_time; k++) {
            if (client[k].run && client[k].is_over)
                login_close(&client[k]);
            if (!client[k].run && run->begun < last)
                login_begin(&client[k], run);
        }
        int events = epoll_wait(run->epoll, event, LOGIN_EVENTS, 100);
        for (int n = 0; n < events; n++)
            link_ready(event[n].data.ptr);
    }
    for (uint32_t k = 0; k < at_a_time; k++)
        if (client[k].run) {
            client[k].is_over = true;
            login_close(&client[k]);
        }
    return run->done == last;
}

static int login_measure(struct login *run, struct login_client *client)
{
    const struct options *o = run->o;
    double logins = o->connections;
    struct report r;
    bool good = login_run(run, client, 1); /* the first one warms, and brings the ticket */

    run->resumed = 0;
    run->took = (struct tally){ 0 };
    double server = cpu_of((pid_t)o->server, 1), postgres = cpu_of((pid_t)o->postgres, 1),
           load = cpu_of(getpid(), 0);
    uint64_t begin = tally_now_ns();
    good = good && login_run(run, client, o->connections);
    double s = (double)(tally_now_ns() - begin) / 1e9;
    server = cpu_of((pid_t)o->server, 1) - server;
    postgres = cpu_of((pid_t)o->postgres, 1) - postgres;
    load = cpu_of(getpid(), 0) - load;

    report_begin(&r, "login");
    report_word(&r, "http", o->http);
    report_word(&r, "tls", !run->target->tls ? "no" : o->resume ? "resumed" : "full");
    report_count(&r, "logins", run->done - 1);
    report_count(&r, "resumed", run->resumed);
    report_real(&r, "seconds", s);
    report_real(&r, "logins_per_s", (double)(run->done - 1) / s);
    report_times(&r, "login", &run->took);
    report_real(&r, "server_ms_per_login", server * 1e3 / logins);
    report_real(&r, "postgres_ms_per_login", postgres * 1e3 / logins);
    report_real(&r, "load_ms_per_login", load * 1e3 / logins);
    report_real(&r, "server_cpu_s", server);
    report_real(&r, "postgres_cpu_s", postgres);
    report_real(&r, "load_cpu_s", load);
    report_count(&r, "errors", run->errors);
    report_end(&r);
    if (run->errors)
        fprintf(stderr, "posthorn-load: first of %u errors: %s\n", run->errors, run->first_error);
    bool is_resumed = !o->resume || !run->target->tls || run->resumed == o->connections;
    return good && !run->errors && is_resumed ? 0 : 1;
}

int login_main(const struct options *o, const struct link_target *target)
{
    struct login run = { .o = o, .target = target, .epoll = epoll_create1(EPOLL_CLOEXEC) };
    struct setup_from from = { o->accounts_file, o->conninfo };
    uint32_t accounts = o->connections + 1;
    struct login_client *client = calloc(o->handshakes, sizeof *client);

    run.account = calloc(accounts, sizeof *run.account);
    CHECK(client && run.account && run.epoll >= 0);
    int status = setup_accounts(target, run.account, accounts, from) ? login_measure(&run, client) : 2;
    SSL_SESSION_free(run.resume);
    free(run.account);
    free(client);
    close(run.epoll);
    return status;
}
