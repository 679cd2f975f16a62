/* ctl/main.c - posthornctl: asks the workers of this host, and gives orders to the cluster
 *
 * It knows nothing by itself: each verb is a question to a worker's control socket. Exit status: 0 done, 1 refused or
 * nobody there, 2 used wrongly.
 */
#include "base/buf.h"
#include "base/config.h"
#include "ctl/ask.h"
#include "ctl/show.h"
#include "model/json.h"
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { WORKERS_MAX = 64, LEAVE_WAIT_S = 15, LEAVE_LOOK_MS = 200 };

struct ctl {
    const char *config_path, *socket;
    bool is_json, waits, yes, undoes;
    struct arena arena;
    char path[WORKERS_MAX][ASK_PATH_MAX]; /* the sockets, in the order of the workers */
    uint32_t count;
    char **words; /* behind the verb, ended by NULL */
};

typedef int verb_fn(struct ctl *c);

struct verb {
    const char *name;
    int least, most; /* words behind it */
    verb_fn *run;
    const char *usage, *help;
};

static verb_fn verb_status, verb_nodes, verb_ring, verb_drain, verb_weight, verb_timeline;

static const struct verb verbs[] = {
    { "status", 0, 0, verb_status, "status", "each worker of this host: state, lease, connections" },
    { "nodes", 0, 0, verb_nodes, "nodes", "all nodes of the cluster, as Postgres has them now" },
    { "ring", 0, 1, verb_ring, "ring [ID]",
      "who has how many slots; or who is home to a user or conversation" },
    { "drain", 0, 1, verb_drain, "drain [NODE] [--wait] [--undo]",
      "the node (all of this host) owns nothing any more, and clients are not sent to it;\n"
      "                                   it stays up, and who is connected stays. Undone by --undo or a "
      "restart" },
    { "weight", 2, 2, verb_weight, "weight NODE N",
      "its part of the ring: 0 to 1000, 100 is a plain node; stored" },
    { "timeline", 1, 1, verb_timeline, "timeline bump --yes",
      "after a restore of Postgres: every cursor is void, every client takes a snapshot" },
};

static int refused(const char *why)
{
    fprintf(stderr, "posthornctl: %s\n", why);
    return 1;
}

static int misused_for(const char *why)
{
    (void)refused(why);
    return 2;
}

static int misused(const struct verb *v)
{
    fprintf(stderr, "usage: posthornctl %s\n", v->usage);
    return 2;
}

static int strange(void)
{
    return refused("the answer is not what this version knows: posthornctl and posthornd belong together");
}

static bool ctl_ask(struct ctl *c, const char *path, const char *method, const char *target, struct text body,
                    struct ask *a)
{
    *a = (struct ask){ path, method, target, body, &c->arena, 0, { 0 }, NULL };
    return ask_now(a);
}

/* Any worker knows as much of the cluster as another: the first that is there is asked. */
static bool ctl_ask_any(struct ctl *c, const char *method, const char *target, struct text body,
                        struct ask *a)
{
    bool is_answered = false;

    for (uint32_t k = 0; k < c->count; k++) {
        is_answered = ctl_ask(c, c->path[k], method, target, body, a);
        if (a->status)
            break;
    }
    return is_answered;
}

static void print_json(const struct ask *a)
{
    printf("%.*s\n", (int)a->answer.bytes, a->answer.at);
}

static int verb_status(struct ctl *c)
{
    struct ask a;
    int status = 0;
    bool first = true;

    for (uint32_t k = 0; k < c->count; k++) {
        if (!ctl_ask(c, c->path[k], "GET", "/status", (struct text){ 0 }, &a))
            status = refused(a.why);
        else if (c->is_json)
            print_json(&a);
        else if (show_status(stdout, a.answer, &c->arena, first))
            first = false;
        else
            status = strange();
    }
    return status;
}

static int verb_nodes(struct ctl *c)
{
    struct ask a;

    if (!ctl_ask_any(c, "GET", "/nodes", (struct text){ 0 }, &a))
        return refused(a.why);
    if (c->is_json)
        print_json(&a);
    else if (!show_nodes(stdout, a.answer, &c->arena))
        return strange();
    return 0;
}

static int verb_ring(struct ctl *c)
{
    const char *key = c->words[0];
    struct ask a;

    if (key && (!key[0] || strspn(key, "0123456789") != strlen(key) || strlen(key) > 20))
        return misused_for("that is no id of a user or conversation: digits, as the API shows them");
    char *target = arena_printf(&c->arena, key ? "/ring?key=%s" : "/ring%s", key ? key : "");
    if (!ctl_ask_any(c, "GET", target, (struct text){ 0 }, &a))
        return refused(a.why);
    if (c->is_json)
        print_json(&a);
    else if (!show_ring(stdout, a.answer, &c->arena, key))
        return strange();
    return 0;
}

/* {"node":..., and one more}; in the arena. */
static struct text order_body(struct ctl *c, const char *node, const uint64_t *weight)
{
    struct buf b;
    struct json j;

    buf_init(&b, 4096);
    json_init(&j, &b);
    json_object(&j, NULL);
    if (node)
        json_string(&j, "node", text_of(node));
    if (weight)
        json_number(&j, "weight", *weight);
    if (c->undoes)
        json_bool(&j, "undo", true);
    if (c->yes)
        json_bool(&j, "yes", true);
    json_close(&j);
    struct text body = arena_copy(&c->arena, buf_text(&b));
    buf_fini(&b);
    return body;
}

/* Until the table is without it; or with it, if the drain is undone. */
static int wait_for_table(struct ctl *c, const char *path, struct text node)
{
    const struct timespec pause = { .tv_nsec = LEAVE_LOOK_MS * 1000000L };
    bool is_there, is_member;
    struct ask a;

    for (int left_ms = LEAVE_WAIT_S * 1000; left_ms > 0; left_ms -= LEAVE_LOOK_MS) {
        if (!ctl_ask(c, path, "GET", "/nodes", (struct text){ 0 }, &a))
            return refused(a.why);
        if (!show_is_member(a.answer, &c->arena, node, &is_there, &is_member))
            return strange();
        if (is_member == c->undoes || !is_there)
            return 0;
        nanosleep(&pause, NULL);
    }
    return refused(c->undoes ? "it has not come back into the ring: is its weight 0? (posthornctl nodes)"
                             : "it is still in the ring: the last member can't leave (posthornctl nodes)");
}

static int drain_at(struct ctl *c, const char *path)
{
    struct text node;
    struct ask a;

    if (!ctl_ask(c, path, "POST", "/drain", order_body(c, c->words[0], NULL), &a))
        return refused(a.why);
    if (!show_node(a.answer, &c->arena, &node))
        return strange();
    int status = c->waits ? wait_for_table(c, path, node) : 0;
    if (c->is_json)
        print_json(&a);
    else if (!status)
        printf("%.*s: %s\n", (int)node.bytes, node.at,
               c->undoes  ? (c->waits ? "is back in the ring" : "takes part again")
               : c->waits ? "has left the ring"
                          : "is leaving the ring");
    return status;
}

/* Without a name it is each worker of this host that is told. */
static int verb_drain(struct ctl *c)
{
    int status = 0;

    for (uint32_t k = 0; k < (c->words[0] ? 1 : c->count); k++) {
        if (drain_at(c, c->path[k]))
            status = 1;
    }
    return status;
}

static int verb_weight(struct ctl *c)
{
    char *end;
    uint64_t weight = strtoull(c->words[1], &end, 10);
    struct ask a;

    if (*end || strspn(c->words[1], "0123456789") == 0 || weight > 1000)
        return refused("the weight is a number from 0 to 1000; 100 is a plain node") + 1;
    if (!ctl_ask_any(c, "POST", "/weight", order_body(c, c->words[0], &weight), &a))
        return refused(a.why);
    if (c->is_json)
        print_json(&a);
    else
        printf("%s: weight %" PRIu64 "\n", c->words[0], weight);
    return 0;
}

static int verb_timeline(struct ctl *c)
{
    uint64_t timeline;
    struct ask a;

    if (strcmp(c->words[0], "bump") != 0) {
        fprintf(stderr, "usage: posthornctl timeline bump --yes\n");
        return 2;
    }
    if (!c->yes)
        return misused_for(
            "this makes the cursor of every client void, and all of them take a snapshot: it is for a"
            " database that was restored. If that is so, say --yes");
    if (!ctl_ask_any(c, "POST", "/timeline", order_body(c, NULL, NULL), &a))
        return refused(a.why);
    if (!show_timeline(a.answer, &c->arena, &timeline))
        return strange();
    if (c->is_json)
        print_json(&a);
    else
        printf("timeline %" PRIu64 "\n", timeline);
    return 0;
}

static void usage(FILE *to)
{
    fprintf(to, "usage: posthornctl [--config FILE | --socket PATH] [--json] VERB ...\n\n");
    for (unsigned k = 0; k < sizeof verbs / sizeof *verbs; k++)
        fprintf(to, "  %-32s %s\n", verbs[k].usage, verbs[k].help);
    fprintf(to, "\nIt speaks to the workers of this host, at control-<worker> in server.run_directory of the"
                " configuration.\nExit status: 0 done, 1 refused or nobody there, 2 used wrongly.\n");
}

/* 0 go on; else exit with status - 1. */
static int options(int argc, char **argv, struct ctl *c)
{
    static const struct option known[] = { { "config", required_argument, NULL, 'c' },
                                           { "socket", required_argument, NULL, 's' },
                                           { "json", no_argument, NULL, 'j' },
                                           { "wait", no_argument, NULL, 'w' },
                                           { "undo", no_argument, NULL, 'u' },
                                           { "yes", no_argument, NULL, 'y' },
                                           { "version", no_argument, NULL, 'v' },
                                           { "help", no_argument, NULL, 'h' },
                                           { 0 } };
    int option;

    while ((option = getopt_long(argc, argv, "c:s:h", known, NULL)) != -1) {
        if (option == '?')
            return 2 + 1;
        if (option == 'h' || option == 'v') {
            if (option == 'h')
                usage(stdout);
            else
                printf("posthornctl %s\n", POSTHORN_VERSION);
            return 0 + 1;
        }
        c->config_path = option == 'c' ? optarg : c->config_path;
        c->socket = option == 's' ? optarg : c->socket;
        c->is_json = c->is_json || option == 'j';
        c->waits = c->waits || option == 'w';
        c->undoes = c->undoes || option == 'u';
        c->yes = c->yes || option == 'y';
    }
    return 0;
}

/* The sockets to speak to. Of those that are not there the first is named all the same: the complaint needs it. */
static bool find_sockets(struct ctl *c)
{
    struct config_error why;

    if (c->socket) {
        c->count = 1;
        return snprintf(c->path[0], ASK_PATH_MAX, "%s", c->socket) < ASK_PATH_MAX;
    }
    struct config *config = calloc(1, sizeof *config);
    CHECK(config);
    bool is_good = !config_read(config, c->config_path, &why);
    if (!is_good)
        refused(why.text);
    for (uint32_t k = 0; is_good && k < WORKERS_MAX; k++) {
        char *path = c->path[c->count];
        is_good =
            snprintf(path, ASK_PATH_MAX, "%s/control-%u", config->server_run_directory, k) < ASK_PATH_MAX;
        if (is_good && (access(path, F_OK) == 0))
            c->count++;
    }
    if (is_good && c->count == 0)
        snprintf(c->path[c->count++], ASK_PATH_MAX, "%.90s/control-0", config->server_run_directory);
    free(config);
    return is_good;
}

static int run(struct ctl *c, int count, char **words)
{
    for (unsigned k = 0; count > 0 && k < sizeof verbs / sizeof *verbs; k++) {
        const struct verb *v = &verbs[k];
        if (strcmp(words[0], v->name) != 0)
            continue;
        c->words = words + 1;
        if (count - 1 < v->least || count - 1 > v->most)
            return misused(v);
        return find_sockets(c) ? v->run(c) : 2;
    }
    if (count > 0)
        fprintf(stderr, "posthornctl: no verb \"%s\"\n", words[0]);
    usage(stderr);
    return 2;
}

int main(int argc, char **argv)
{
    struct ctl *c = calloc(1, sizeof *c);

    CHECK(c);
    int status = options(argc, argv, c);
    status = status ? status - 1 : run(c, argc - optind, argv + optind);
    arena_fini(&c->arena);
    free(c);
    return status;
}
