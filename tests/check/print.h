/* check/print.h - a history for people */
#pragma once
#include <stdbool.h>

/* One line a record, to the standard output. False: can't be read, or is broken (what is before that is printed). */
bool print_history(const char *path);
