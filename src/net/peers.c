/* net/peers.c - how many connections each address has */
#include "net/peers.h"
#include "base/check.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct peer {
    unsigned char key[8]; /* IPv6 /64, or ::ffff and the IPv4 address */
    uint32_t connections;
    UT_hash_handle hh;
};

struct peers {
    struct peer *table;
};

struct peers *peers_new(void)
{
    struct peers *p = calloc(1, sizeof(*p));

    CHECK(p);
    return p;
}

void peers_free(struct peers **p)
{
    if (!*p)
        return;
    CHECK(!(*p)->table);
    free(*p);
    *p = NULL;
}

/* The IPv4 address inside, or NULL. */
static const unsigned char *ipv4(const struct sockaddr *address)
{
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)address;

    if (address->sa_family == AF_INET)
        return (const unsigned char *)&((const struct sockaddr_in *)(const void *)address)->sin_addr;
    if (address->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
        return in6->sin6_addr.s6_addr + 12;
    return NULL;
}

struct peer *peers_enter(struct peers *p, const struct sockaddr *address, uint32_t each_max)
{
    unsigned char key[8] = { 0, 0, 0xff, 0xff };
    const unsigned char *v4 = ipv4(address);
    struct peer *peer;

    if (v4)
        memcpy(key + 4, v4, 4);
    else if (address->sa_family == AF_INET6)
        memcpy(key, ((const struct sockaddr_in6 *)(const void *)address)->sin6_addr.s6_addr, sizeof(key));
    HASH_FIND(hh, p->table, key, sizeof(key), peer);
    if (!peer) {
        peer = calloc(1, sizeof(*peer));
        CHECK(peer);
        memcpy(peer->key, key, sizeof(key));
        HASH_ADD(hh, p->table, key, sizeof(peer->key), peer);
    }
    if (peer->connections >= each_max)
        return NULL;
    peer->connections++;
    return peer;
}

void peers_leave(struct peers *p, struct peer *peer)
{
    CHECK(peer->connections > 0);
    if (--peer->connections)
        return;
    HASH_DELETE(hh, p->table, peer);
    free(peer);
}

const char *peers_text(const struct sockaddr *address, char into[static PEERS_TEXT_BYTES])
{
    const unsigned char *v4 = ipv4(address);

    into[0] = 0;
    if (v4)
        inet_ntop(AF_INET, v4, into, PEERS_TEXT_BYTES);
    else if (address->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, into,
                  PEERS_TEXT_BYTES);
    return into;
}
