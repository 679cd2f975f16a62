/* ctl/show.h - what a control socket answered, as people like to read it */
#pragma once
#include "base/arena.h"
#include <stdint.h>
#include <stdio.h>

/* Each false: the answer is not what this version knows. `first`: the head of the table too. */
bool show_status(FILE *to, struct text answer, struct arena *arena, bool first);
bool show_nodes(FILE *to, struct text answer, struct arena *arena);
bool show_ring(FILE *to, struct text answer, struct arena *arena, const char *key);
/* "node" and "timeline" of an order's answer. */
bool show_node(struct text answer, struct arena *arena, struct text *node);
bool show_timeline(struct text answer, struct arena *arena, uint64_t *timeline);
/* What /nodes says of one: whether it is there, and in the table. */
bool show_is_member(struct text answer, struct arena *arena, struct text node, bool *is_there, bool *is_member);
