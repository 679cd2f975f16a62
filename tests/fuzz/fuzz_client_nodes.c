/* fuzz/fuzz_client_nodes.c - any bytes as the server's list of nodes, and as the file of the last run */
#include "lib/files.h"
#include "lib/nodes.h"
#include "lib/wire.h"
#include <stdint.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

/* Whatever came: the given address is there, once, nobody is there twice, and https stays https. */
static void check(const struct nodes *n)
{
    size_t given = 0;
    CHECK(n->count >= 1 && n->count <= NODES_MOST && n->now < n->count);
    for (size_t k = 0; k < n->count; k++) {
        const struct url *u = &n->at[k];
        CHECK(u->is_tls && u->host[0] && u->port[0] && u->authority[0]);
        CHECK(strpbrk(u->authority, "/@\r\n \t") == NULL && strncmp(u->host, "127.", 4) != 0);
        given += strcmp(u->authority, n->given.authority) == 0;
        for (size_t other = 0; other < k; other++)
            CHECK(strcmp(u->authority, n->at[other].authority) != 0);
    }
    CHECK(given == 1);
}

/* A round ends, whoever is in the list. */
static void go_round(struct nodes *n)
{
    size_t tries = 1;
    for (; nodes_failed(n, nodes_url(n)); tries++)
        CHECK(tries < NODES_MOST);
    CHECK(tries == n->count);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct url given;
    struct nodes n, next;
    CHECK(url_read(&given, "https://chat.example"));
    nodes_init(&n, &given);
    struct posthorn_answer *a = wire_parse((const char *)bytes, count);
    if (a && nodes_take(&n, a)) {
        check(&n);
        go_round(&n);
        CHECK(!nodes_take(&n, a) || n.has_asked);
        check(&n);
    }
    wire_free(&a);
    char dir[] = "/dev/shm/posthorn-fuzz-XXXXXX"; /* a disk would be waited for */
    CHECK(mkdtemp(dir) && files_replace(dir, "nodes", bytes, count));
    nodes_init(&next, &given);
    nodes_load(&next, dir);
    check(&next);
    CHECK(nodes_save(&next, dir));
    nodes_init(&n, &given);
    nodes_load(&n, dir);
    CHECK(n.count == next.count); /* what was written comes back */
    check(&n);
    char *path = files_join(dir, "nodes");
    CHECK(unlink(path) == 0 && rmdir(dir) == 0);
    free(path);
    return 0;
}
