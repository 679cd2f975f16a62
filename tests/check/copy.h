/* check/copy.h - rows of a table as COPY wrote them in its text format */
#pragma once
#include "base/text.h"
#include "base/check.h"
#include <stdint.h>

struct copy {
    const char *at, *end;
    char *from;
    size_t bytes;
    uint64_t rows;                  /* the one that is read, from 1 */
    const char *table;
};

/* TABLE.copy in a directory. What can't be read ends the program with 2: a check of half a dump proves nothing. */
void copy_open(struct copy *c, const char *dir, const char *table);
/* Goes to the next row; false: there is none. */
bool copy_row(struct copy *c);
/* The next column of the row. Numbers may have a sign: the bits are those of int8. */
uint64_t copy_number(struct copy *c);
struct text copy_text(struct copy *c);
void copy_close(struct copy *c);
/* The file was not what the dump makes. */
_Noreturn void copy_refuse(const struct copy *c, const char *what);
