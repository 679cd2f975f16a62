/* fake/node.c - a node that is alone, linked in place of the real one */
#include "node/node.h"
#include "node/forwarder.h"
#include <stdlib.h>

struct node {
    struct hub *hub;
    uint64_t changed;
};

struct node *node_new(const struct node_parts *parts)
{
    struct node *n = calloc(1, sizeof *n);

    CHECK(n);
    n->hub = parts->hub;
    return n;
}

void node_stop(struct node *n)
{
    (void)n;
}

void node_free(struct node **n)
{
    free(*n);
    *n = NULL;
}

void node_tell(struct node *n, const struct notices *notices)
{
    for (uint32_t k = 0; notices->members && notices->encoded && k < notices->members->count; k++)
        hub_notice(n->hub, notices->members->member[k].user, notices->i[k], notices->encoded);
}

void node_signal(struct node *n, const struct members *to, struct device_id from, struct blob *encoded)
{
    for (uint32_t k = 0; k < to->count; k++)
        hub_signal(n->hub, to->member[k].user, from, encoded);
}

void node_revoked(struct node *n, struct user_id user, struct device_id device)
{
    hub_revoke(n->hub, user, device);
}

void node_changed(struct node *n, struct conversation_id conversation)
{
    (void)conversation;
    n->changed++;
}

bool node_may_send(const struct node *n)
{
    (void)n;
    return true;
}

bool node_is_ready(const struct node *n)
{
    (void)n;
    return true;
}

const struct cluster *node_cluster(const struct node *n)
{
    (void)n;
    return NULL;
}

bool node_is_elsewhere(const struct node *n, struct conversation_id conversation, uint32_t *home)
{
    (void)n;
    (void)conversation;
    (void)home;
    return false;
}

void node_forward(struct node *n, struct forwarder_send *s, uint32_t home, struct op *op)
{
    (void)n;
    (void)s;
    (void)home;
    op_wake(op, ERR_CANCELLED);
}

void node_stats_read(const struct node *n, struct node_stats *into)
{
    (void)n;
    *into = (struct node_stats){ .nodes = 1 };
}
