/* model/id.h - numbers that must never be mixed up: the compiler sees to it */
#pragma once
#include "base/err.h"
#include "base/text.h"
#include <stdint.h>

struct user_id         { uint64_t n; };     /* snowflake; 0: none */
struct device_id       { uint64_t n; };     /* snowflake; 0: none */
struct conversation_id { uint64_t n; };     /* snowflake; 0: none */
struct message_id      { uint64_t n; };     /* snowflake; 0: none */
struct message_seq     { uint64_t n; };     /* dense from 1, per conversation */
struct inbox_seq       { uint64_t n; };     /* dense from 1, per user: "i" */

enum { ID_TEXT_MAX = 21 };                  /* a decimal id with its final 0 */

/* Reads a decimal id of 1..19 digits without sign, leading zeros or anything else, from 1 to 2^63-1. */
MUST_USE bool id_parse(struct text t, uint64_t *id);
void id_print(uint64_t id, char into[static ID_TEXT_MAX]);
