/* net/peers.h - how many connections each address has */
#pragma once
#include <stdint.h>
#include <sys/socket.h>

struct peers;
struct peer;

enum { PEERS_ADDRESS_BYTES = 16, PEERS_TEXT_BYTES = 46 };     /* an IPv6 address and its 0 */

struct peers *peers_new(void);
void peers_free(struct peers **p);          /* nobody may be inside */
/* One connection more from this address; NULL when it has each_max already. IPv6 addresses count by their /64:
 * one customer owns all of it. */
struct peer *peers_enter(struct peers *p, const struct sockaddr *address, uint32_t each_max);
void peers_leave(struct peers *p, struct peer *peer);
/* The address in the form that is kept: IPv4, also when it came over an IPv6 socket, as ::ffff:a.b.c.d; zeros for
 * another family. */
void peers_address(const struct sockaddr *address, uint8_t into[static PEERS_ADDRESS_BYTES]);
/* As text, IPv4 as itself; returns into. */
const char *peers_text(const uint8_t address[static PEERS_ADDRESS_BYTES], char into[static PEERS_TEXT_BYTES]);
