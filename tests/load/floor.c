/* load/floor.c - the workload floor: how much of the bare send transaction Postgres can do
 *
 * Some processes, a connection each, run one batch after the other. Nothing is parsed, checked or delivered: a server on
 * top can come near this number and not pass it.
 */
#include "load/floor.h"
#include "base/check.h"
#include "load/bare.h"
#include "load/cpu.h"
#include "load/tally.h"
#include "store/store.h"
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FLOOR_PROCESSES_MAX = 16, FLOOR_BATCH = 128 };

struct floor_options {
    struct bare_options bare;
    double warm_s, seconds;
    pid_t postgres;
};

struct floor_result {
    uint64_t messages, batches;
    struct tally commit;
};
struct floor_shared {
    atomic_uint ready;
    atomic_ullong start;
    struct floor_result result[FLOOR_PROCESSES_MAX];
};

static void floor_process(const struct floor_options *o, uint32_t number, struct floor_shared *shared)
{
    struct bare_process p;
    struct floor_result *r = &shared->result[number];
    uint64_t begin;

    bare_begin(&p, &o->bare, number);
    atomic_fetch_add(&shared->ready, 1);
    while ((begin = atomic_load(&shared->start)) == 0)
        bare_transaction(&p);
    uint64_t from = begin + (uint64_t)(o->warm_s * 1e9), to = from + (uint64_t)(o->seconds * 1e9);
    for (uint64_t now = tally_now_ns(); now < to;) {
        uint64_t before = now;
        bare_transaction(&p);
        now = tally_now_ns();
        if (now >= from && now < to) {
            r->messages += o->bare.batch;
            r->batches++;
            tally_add(&r->commit, now - before);
        }
    }
    bare_end(&p);
}

/* Brings the schema up as the server does, and makes users and conversations that are not there yet. */
static void floor_populate(const struct floor_options *o)
{
    struct config config;
    struct config_error why;
    char statement[512];

    CHECK(config_parse(&config, "", 0, &why) == ERR_OK);
    CHECK(strlen(o->bare.conninfo) < sizeof config.store_conninfo);
    strncpy(config.store_conninfo, o->bare.conninfo, sizeof config.store_conninfo - 1);
    if (store_migrate(&config, 10000) != ERR_OK)
        exit(2);
    PGconn *conn = bare_connect(o->bare.conninfo);
    snprintf(statement, sizeof statement,
             "INSERT INTO mailbox (user_id) SELECT generate_series(1, %u) ON CONFLICT DO NOTHING;"
             "INSERT INTO conversation (conversation_id, kind) SELECT generate_series(1, %u), 1 ON CONFLICT "
             "DO NOTHING;"
             "ANALYZE mailbox; ANALYZE conversation",
             o->bare.users, o->bare.conversations);
    bare_exec(conn, statement);
    bare_exec(conn, "CHECKPOINT");
    PQfinish(conn);
}

static int floor_run(const struct floor_options *o, struct floor_shared *shared)
{
    pid_t child[FLOOR_PROCESSES_MAX];
    struct floor_result all = { .messages = 0 };
    int bad = 0, status;

    for (uint32_t n = 0; n < o->bare.processes; n++) {
        child[n] = fork();
        CHECK(child[n] >= 0);
        if (child[n] == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            floor_process(o, n, shared);
            exit(0);
        }
    }
    while (atomic_load(&shared->ready) < o->bare.processes) {
        if (waitpid(-1, &status, WNOHANG) > 0)
            return 2;
        usleep(1000);
    }
    atomic_store(&shared->start, tally_now_ns());
    usleep((useconds_t)(o->warm_s * 1e6));
    double cpu = cpu_of(o->postgres, 1);
    usleep((useconds_t)(o->seconds * 1e6) - 20000); /* backends that have ended are not counted twice */
    cpu = cpu_of(o->postgres, 1) - cpu;
    for (uint32_t n = 0; n < o->bare.processes; n++) {
        waitpid(child[n], &status, 0);
        bad |= status;
        all.messages += shared->result[n].messages;
        all.batches += shared->result[n].batches;
        tally_join(&all.commit, &shared->result[n].commit);
    }
    printf("{\"mode\":\"floor\",\"processes\":%u,\"batch\":%u,\"share\":%u,\"users\":%u,\"text\":%u,"
           "\"seconds\":%.1f,"
           "\"messages_per_s\":%.0f,\"commits_per_s\":%.0f,\"commit_p50_ms\":%.3f,\"commit_p99_ms\":%.3f,"
           "\"postgres_cpu_s\":%.2f,\"postgres_us_per_message\":%.1f}\n",
           o->bare.processes, o->bare.batch, o->bare.shares, o->bare.users, o->bare.text_bytes, o->seconds,
           (double)all.messages / o->seconds, (double)all.batches / o->seconds, tally_ms(&all.commit, 0.5),
           tally_ms(&all.commit, 0.99), cpu, cpu * 1e6 / (double)(all.messages ? all.messages : 1));
    return bad || !all.messages ? 1 : 0;
}

int floor_main(const struct options *o, const struct link_target *target)
{
    struct floor_options floor = { .warm_s = o->warm_s,
                                   .seconds = o->seconds,
                                   .postgres = (pid_t)o->postgres };

    (void)target;
    floor.bare = (struct bare_options){ .conninfo = o->conninfo,
                                        .processes = o->processes,
                                        .batch = o->batch > 1 ? o->batch : FLOOR_BATCH,
                                        .users = o->users,
                                        .conversations = o->conversations,
                                        .text_bytes = o->text,
                                        .shares = o->shares };
    if (!o->conninfo || o->seconds < 0.1) {
        fputs("posthorn-load: floor needs --conninfo, and at least 0.1 s\n", stderr);
        return 2;
    }
    struct floor_shared *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    floor_populate(&floor);
    return floor_run(&floor, shared);
}
