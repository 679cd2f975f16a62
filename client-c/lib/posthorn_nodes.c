/* lib/posthorn_nodes.c - the nodes of the server */
#include "lib/ask.h"
#include "lib/discovery.h"
#include "posthorn.h"

enum posthorn_status posthorn_nodes(struct posthorn *p, struct posthorn_answer **a,
                                    const struct posthorn_node **at, size_t *count)
{
    struct posthorn_node *node;
    enum posthorn_status status = discovery_ask(p, a);
    if (status != POSTHORN_OK)
        return status;
    if (!wire_nodes(*a, &node, count))
        return ask_bad_answer(p, a);
    for (size_t n = 0; n < *count; n++)
        node[n].is_in_use = nodes_is_in_use(&p->nodes, node[n].url);
    *at = node;
    return POSTHORN_OK;
}
