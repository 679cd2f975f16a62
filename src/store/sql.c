/* store/sql.c - the embedded SQL */
#include "store/sql.h"

#include "base/check.h"
#include <stddef.h>
#include <stdlib.h>

#include "sql/query.text"
#include "sql/schema.text"

static const struct {
    const char *name, *text;
} queries[] = {
#define X(name, stem, sha256) { #stem, query_##stem },
#include "sql/query.def"
#undef X
};

static const struct {
    const char *name, *sha256, *text;
} schemas[] = {
#define X(name, stem, sha256) { #stem, sha256, schema_##stem },
#include "sql/schema.def"
#undef X
};

const char *sql_name(enum sql q)
{
    CHECK(q < SQL_COUNT);
    return queries[q].name;
}

const char *sql_text(enum sql q)
{
    CHECK(q < SQL_COUNT);
    return queries[q].text;
}

bool sql_schema(uint32_t n, struct sql_schema *into)
{
    if (n >= sizeof schemas / sizeof schemas[0])
        return false;
    *into = (struct sql_schema){
        .version = (uint32_t)strtoul(schemas[n].name, NULL, 10),
        .name = schemas[n].name,
        .sha256 = schemas[n].sha256,
        .text = schemas[n].text,
    };
    return true;
}
