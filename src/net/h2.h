/* net/h2.h - HTTP/2 on one connection: nghttp2's session, its answers and its end */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct conn;
struct exchange;
struct h2;

void h2_init(struct conn *c);
void h2_fini(struct conn *c);
/* Bytes came, from the client's preface on. */
void h2_input(struct conn *c, const char *at, size_t bytes);
/* Hands on what came for tunnels before they were accepted. Inside loop_wait(). */
void h2_resume(struct conn *c);
/* Gives back the stream's window for what a tunnel has taken, unless it is paused. */
void h2_give_back(struct exchange *x);
/* Writes answers and whatever else nghttp2 wants to say, as far as LIMIT_OUT_BYTES allows. */
void h2_flush(struct conn *c);
/* The first GOAWAY of two (RFC 9113 6.8); h2_due() sends the second. */
void h2_drain(struct conn *c);
/* GOAWAY at once; open streams are dropped. */
void h2_quit(struct conn *c);
/* When the next patience ends, in the loop's time; UINT64_MAX: none. Acts on those that ended by now_ms. */
uint64_t h2_due(struct conn *c, uint64_t now_ms);
/* copy takes x's place. */
void h2_replace(struct exchange *x, struct exchange *copy);
