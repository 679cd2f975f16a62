/* base/config.h - the settings: read once from a file and the environment, then const */
#pragma once
#include "base/err.h"
#include <stdint.h>

struct config {
#define S(section, name, initial, doc) char section##_##name[512];
#define N(section, name, initial, least, most, doc) int64_t section##_##name;
#include "base/config.def"
#undef S
#undef N
};

struct config_error { char text[512]; };     /* one line for people: file, line, what is wrong */

/* Defaults, then the file (INI; NULL: none), then POSTHORN_<SECTION>_<NAME> from the environment.
 * Unknown sections, keys and POSTHORN_ variables, bad numbers and values out of range are refused with
 * ERR_BAD_REQUEST and one line in *why. */
MUST_USE enum err config_read(struct config *c, const char *path, struct config_error *why);
/* The same from text, for tests and the fuzzer. */
MUST_USE enum err config_parse(struct config *c, const char *text, size_t bytes, struct config_error *why);
/* Writes every setting with its value, default and documentation as an INI file. */
void config_print(const struct config *c, FILE *to);
