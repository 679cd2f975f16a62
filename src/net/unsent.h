/* net/unsent.h - what the sockets have not taken, counted, and who is told that there is room again */
#pragma once
#include <stddef.h>

struct conn;
struct conn_set;

/* Bytes that wait for sockets, of an exchange or a connection's stream: so many, which were before. Over unsent_max,
 * whoever has anything unsent has to wait. */
void unsent_count(struct conn_set *set, size_t before, size_t after);
/* Calls room of those exchanges of the connection that have it again. */
void unsent_look_for_room(struct conn *c);
