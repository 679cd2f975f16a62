/* net/proxy.c - the PROXY protocol, version 2: who the peer of a trusted proxy is
 *
 * The header (haproxy's doc/proxy-protocol.txt, 2.2) stands before everything else, TLS too. It decides whom limits
 * and logs speak of, so it is taken from nobody but the proxies that are configured, and from those it is required:
 * the two can't be told apart by looking at the bytes. Only TCP over IPv4 and IPv6 is understood; what a proxy adds
 * behind the addresses is skipped.
 */
#include "net/proxy.h"
#include "base/check.h"
#include "base/log.h"
#include "base/text.h"
#include "net/peers.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

enum { ADDRESS_BYTES = PEERS_ADDRESS_BYTES, NETWORKS_MAX = 64, V4_BITS = 96, WORD_BYTES = 64 };
enum {
    SIGNATURE_BYTES = 12,
    LOCAL = 0x20,
    PROXY = 0x21,
    TCP4 = 0x11,
    TCP6 = 0x21,
    TCP4_BYTES = 12,
    TCP6_BYTES = 36
};

static const uint8_t signature[SIGNATURE_BYTES] = "\r\n\r\n\0\r\nQUIT\n";

struct network {
    uint8_t at[ADDRESS_BYTES]; /* IPv4 as ::ffff:a.b.c.d */
    unsigned bits;
};

struct proxy_trust {
    unsigned count;
    struct network networks[];
};

static void map_v4(const void *v4, uint8_t into[static ADDRESS_BYTES])
{
    memset(into, 0, 10);
    into[10] = into[11] = 0xff;
    memcpy(into + 12, v4, 4);
}

/* "address" or "address/bits". */
static bool network_read(const char *word, struct network *n)
{
    char address[WORD_BYTES];
    const char *slash = strchr(word, '/');
    size_t bytes = slash ? (size_t)(slash - word) : strlen(word);
    unsigned most, bits;
    uint8_t v4[4];
    char rest;

    if (bytes >= sizeof(address))
        return false;
    memcpy(address, word, bytes);
    address[bytes] = 0;
    if (inet_pton(AF_INET, address, v4) == 1) {
        map_v4(v4, n->at);
        most = ADDRESS_BYTES * 8 - V4_BITS;
    } else if (inet_pton(AF_INET6, address, n->at) == 1) {
        most = ADDRESS_BYTES * 8;
    } else {
        return false;
    }
    bits = most;
    if (slash &&
        (slash[1] < '0' || slash[1] > '9' || sscanf(slash + 1, "%3u%c", &bits, &rest) != 1 || bits > most))
        return false;
    n->bits = ADDRESS_BYTES * 8 - most + bits;
    return true;
}

enum err proxy_trust_new(const char *list, struct proxy_trust **into)
{
    struct proxy_trust *t = calloc(1, sizeof(*t) + NETWORKS_MAX * sizeof(t->networks[0]));
    char quoted[512];

    CHECK(t);
    for (list += strspn(list, " "); *list; list += strspn(list, " ")) {
        char word[WORD_BYTES];
        size_t bytes = strcspn(list, " ");

        snprintf(word, sizeof(word), "%.*s", (int)bytes, list);
        if (t->count == NETWORKS_MAX || bytes >= sizeof(word) ||
            !network_read(word, &t->networks[t->count])) {
            log_line(LOG_ERROR, "net.proxy.refused", "network=%s", log_quoted(quoted, sizeof(quoted), word));
            proxy_trust_free(&t);
            return ERR_BAD_REQUEST;
        }
        t->count++;
        list += bytes;
    }
    if (t->count == 0)
        proxy_trust_free(&t);
    *into = t;
    return ERR_OK;
}

void proxy_trust_free(struct proxy_trust **t)
{
    free(*t);
    *t = NULL;
}

static bool is_within(const uint8_t *address, const struct network *n)
{
    unsigned whole = n->bits / 8, bits = n->bits % 8;

    if (memcmp(address, n->at, whole) != 0)
        return false;
    return bits == 0 || ((address[whole] ^ n->at[whole]) >> (8 - bits)) == 0;
}

bool proxy_trusts(const struct proxy_trust *t, const struct sockaddr *address)
{
    uint8_t at[ADDRESS_BYTES];

    peers_address(address, at);
    for (unsigned i = 0; t && i < t->count; i++)
        if (is_within(at, &t->networks[i]))
            return true;
    return false;
}

enum err proxy_bytes(const uint8_t *at, size_t have, size_t *bytes)
{
    size_t known = have < SIGNATURE_BYTES ? have : SIGNATURE_BYTES;

    *bytes = PROXY_HEAD_BYTES;
    if (known && memcmp(at, signature, known) != 0)
        return ERR_BAD_REQUEST;
    if (have > SIGNATURE_BYTES && at[12] != LOCAL && at[12] != PROXY)
        return ERR_BAD_REQUEST;
    if (have < PROXY_HEAD_BYTES)
        return ERR_OK;
    *bytes += (size_t)at[14] << 8 | at[15];
    return *bytes <= PROXY_BYTES_MAX ? ERR_OK : ERR_BAD_REQUEST;
}

enum err proxy_read(const uint8_t *at, size_t bytes, struct sockaddr_storage *from)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)from;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)from;
    const uint8_t *addresses = at + PROXY_HEAD_BYTES;
    size_t length = 0;
    enum err err = proxy_bytes(at, bytes, &length);

    memset(from, 0, sizeof(*from));
    if (err || bytes < PROXY_HEAD_BYTES || length != bytes)
        return ERR_BAD_REQUEST;
    if (at[12] == LOCAL) { /* whatever addresses stand there are not to be looked at */
        from->ss_family = AF_UNSPEC;
        return ERR_OK;
    }
    length -= PROXY_HEAD_BYTES;
    if (at[13] == TCP4 && length >= TCP4_BYTES) {
        v4->sin_family = AF_INET;
        memcpy(&v4->sin_addr, addresses, sizeof(v4->sin_addr));
        memcpy(&v4->sin_port, addresses + 8, sizeof(v4->sin_port));
        return ERR_OK;
    }
    if (at[13] == TCP6 && length >= TCP6_BYTES) {
        v6->sin6_family = AF_INET6;
        memcpy(&v6->sin6_addr, addresses, sizeof(v6->sin6_addr));
        memcpy(&v6->sin6_port, addresses + 32, sizeof(v6->sin6_port));
        return ERR_OK;
    }
    return ERR_BAD_REQUEST;
}
