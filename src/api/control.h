/* api/control.h - the control listener, a Unix socket that posthornctl speaks to: who the nodes are, and orders to them
 *
 *   GET  /status               this worker                      GET  /ring[?key=ID]  the table, and who is home to ID
 *   GET  /nodes                all, as Postgres has them now     POST /drain          {"node":NAME}; {"node":NAME,"undo":true}
 *   POST /weight               {"node":NAME,"weight":N}         POST /timeline       {"yes":true}
 *
 * Beside them the routes of the admin listener. Without "node" it is this one. Errors: {"error":"a sentence"}.
 */
#pragma once
#include "net/net.h"

/* net_request_fn; ctx is the struct api. Only for a listener that nobody but operators reaches. */
void control_request(struct exchange *x, void *ctx);
