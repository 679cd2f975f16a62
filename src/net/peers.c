/* net/peers.c - how many connections each address has */
#include "net/peers.h"
#include "base/check.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
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

static const uint8_t v4_prefix[12] = { [10] = 0xff, [11] = 0xff };

void peers_address(const struct sockaddr *address, uint8_t into[static PEERS_ADDRESS_BYTES])
{
    memset(into, 0, PEERS_ADDRESS_BYTES);
    if (address->sa_family == AF_INET) {
        memcpy(into, v4_prefix, sizeof(v4_prefix));
        memcpy(into + sizeof(v4_prefix), &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
    } else if (address->sa_family == AF_INET6) {
        memcpy(into, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, PEERS_ADDRESS_BYTES);
    }
}

static bool is_v4(const uint8_t *address)
{
    return memcmp(address, v4_prefix, sizeof(v4_prefix)) == 0;
}

struct peer *peers_enter(struct peers *p, const struct sockaddr *address, uint32_t each_max)
{
    uint8_t whole[PEERS_ADDRESS_BYTES], *key = whole;
    struct peer *peer;

    peers_address(address, whole);
    if (is_v4(whole))
        key = whole + sizeof(whole) - sizeof(peer->key);
    HASH_FIND(hh, p->table, key, sizeof(peer->key), peer);
    if (!peer) {
        peer = calloc(1, sizeof(*peer));
        CHECK(peer);
        memcpy(peer->key, key, sizeof(peer->key));
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

/* As inet_ntop() does, but every request is told its peer. */
static void print_v4(const uint8_t octets[static 4], char *at)
{
    for (int i = 0; i < 4; i++) {
        uint8_t n = octets[i];

        if (n >= 100)
            *at++ = (char)('0' + n / 100);
        if (n >= 10)
            *at++ = (char)('0' + n / 10 % 10);
        *at++ = (char)('0' + n % 10);
        *at++ = i < 3 ? '.' : 0;
    }
}

const char *peers_text(const uint8_t address[static PEERS_ADDRESS_BYTES], char into[static PEERS_TEXT_BYTES])
{
    into[0] = 0;
    if (is_v4(address))
        print_v4(address + sizeof(v4_prefix), into);
    else
        inet_ntop(AF_INET6, address, into, PEERS_TEXT_BYTES);
    return into;
}
