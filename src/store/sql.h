/* store/sql.h - the statements of sql/query and the files of sql/schema, embedded by cmake/sql.cmake */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum sql {
#define X(name, stem, sha256) SQL_##name,
#include "sql/query.def"
#undef X
    SQL_COUNT
};

const char *sql_name(enum sql q);           /* the file's name: also that of the prepared statement */
const char *sql_text(enum sql q);

/* A file of sql/schema, in rising order of version. */
struct sql_schema {
    uint32_t version;                       /* of NNNN_name.sql */
    const char *name, *sha256, *text;       /* sha256 in lower case hex */
};
/* The n-th file, or false when there are not so many. */
bool sql_schema(uint32_t n, struct sql_schema *into);
