/* base/offload.h - helper threads for work that would stall the loop (argon2id) */
#pragma once
#include "base/loop.h"
#include "base/op.h"

struct offload;

/* Starts threads; at most jobs_max jobs wait or run at a time. */
struct offload *offload_new(struct loop *l, unsigned threads, unsigned jobs_max);
/* Waits for what runs, drops what waits. */
void offload_free(struct offload **o);
/* Runs work(ctx) in a helper thread, then wakes op on the loop's thread with OK; at once with
 * ERR_BUSY when the queue is full. ctx must live till then; work touches nothing but ctx. */
void offload_run(struct offload *o, void (*work)(void *ctx), void *ctx, struct op *op);
