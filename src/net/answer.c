/* net/answer.c - the head of an answer, from the handler's fields to the text of HTTP/1.1 */
#include "net/answer.h"
#include "base/check.h"

/* Neither may a field break out of its line, nor contradict the framing that the net decides. */
static void check_field(const struct exchange_field *f)
{
    static const char *const ours[] = { "content-length", "date", "connection", "transfer-encoding" };

    for (const char *p = f->name; *p; p++)
        CHECK((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || *p == '-');
    for (size_t i = 0; i < f->value.bytes; i++)
        CHECK(f->value.at[i] != '\r' && f->value.at[i] != '\n' && f->value.at[i] != 0);
    for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
        CHECK(strcmp(f->name, ours[i]) != 0);
}

/* The handler's texts may end with its return: names and values move into one allocation. */
struct answer *answer_new(struct pool *pool, int status, enum answer_kind kind,
                          const struct exchange_field *fields, size_t count)
{
    struct answer *a;
    size_t bytes = 0;
    char *at;

    CHECK(count <= EXCHANGE_FIELDS_MAX);
    for (size_t i = 0; i < count; i++) {
        check_field(&fields[i]);
        bytes += strlen(fields[i].name) + 1 + fields[i].value.bytes;
    }
    CHECK(bytes <= EXCHANGE_FIELDS_BYTES);
    a = pool_take(pool, sizeof(*a) + count * sizeof(*fields) + bytes);
    *a = (struct answer){ .status = status, .kind = kind, .fields_count = count };
    at = (char *)(a->fields + count);
    for (size_t i = 0; i < count; i++) {
        size_t name_bytes = strlen(fields[i].name) + 1;

        memcpy(at, fields[i].name, name_bytes);
        a->fields[i].name = at;
        at += name_bytes;
        if (fields[i].value.bytes)
            memcpy(at, fields[i].value.at, fields[i].value.bytes);
        a->fields[i].value = (struct text){ at, fields[i].value.bytes };
        at += fields[i].value.bytes;
    }
    return a;
}

void answer_free(struct pool *pool, struct answer **a)
{
    pool_give(pool, *a);
    *a = NULL;
}

bool answer_names(const struct answer *a, const char *name)
{
    for (size_t i = 0; i < a->fields_count; i++)
        if (strcmp(a->fields[i].name, name) == 0)
            return true;
    return false;
}

/* By hand: snprintf() would take a tenth of a whole request. */
static struct text print_number(size_t n, char into[static ANSWER_LENGTH_BYTES])
{
    char *end = into + ANSWER_LENGTH_BYTES, *at = end;

    do
        *--at = (char)('0' + n % 10);
    while (n /= 10);
    return (struct text){ at, (size_t)(end - at) };
}

size_t answer_standard_fields(const struct answer *a, struct text date,
                              char length[static ANSWER_LENGTH_BYTES],
                              struct exchange_field into[static ANSWER_STANDARD_FIELDS])
{
    const struct exchange_field unless_named[] = {
        { "content-type", TEXT("application/json; charset=utf-8") },
        { "cache-control", TEXT("no-store") },
        { "x-content-type-options", TEXT("nosniff") },
    };
    size_t count = 0;

    into[count++] = (struct exchange_field){ "date", date };
    if (a->kind == ANSWER_TUNNEL)
        return count;
    if (a->kind == ANSWER_WHOLE) {
        into[count++] = (struct exchange_field){ "content-length", print_number(a->length, length) };
    }
    for (size_t i = 0; i < sizeof(unless_named) / sizeof(*unless_named); i++)
        if (!answer_names(a, unless_named[i].name))
            into[count++] = unless_named[i];
    return count;
}

static const char *reason(int status)
{
    static const struct {
        int status;
        const char *words;
    } reasons[] = { { 101, "Switching Protocols" },
                    { 200, "OK" },
                    { 201, "Created" },
                    { 202, "Accepted" },
                    { 400, "Bad Request" },
                    { 401, "Unauthorized" },
                    { 403, "Forbidden" },
                    { 404, "Not Found" },
                    { 405, "Method Not Allowed" },
                    { 408, "Request Timeout" },
                    { 409, "Conflict" },
                    { 410, "Gone" },
                    { 413, "Content Too Large" },
                    { 414, "URI Too Long" },
                    { 421, "Misdirected Request" },
                    { 422, "Unprocessable Content" },
                    { 426, "Upgrade Required" },
                    { 429, "Too Many Requests" },
                    { 500, "Internal Server Error" },
                    { 501, "Not Implemented" },
                    { 503, "Service Unavailable" } };

    for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].words;
    return ""; /* RFC 9112 4: may be empty */
}

static char *put(char *at, const char *end, struct text t)
{
    CHECK((size_t)(end - at) >= t.bytes);
    if (t.bytes)
        memcpy(at, t.at, t.bytes);
    return at + t.bytes;
}

/* Not by snprintf(), which took half of what a request over HTTP/1.1 cost. */
size_t answer_text(const struct answer *a, struct text date, const char *framing, char *into, size_t room)
{
    struct exchange_field standard[ANSWER_STANDARD_FIELDS];
    char length[ANSWER_LENGTH_BYTES], digits[ANSWER_LENGTH_BYTES];
    size_t count = answer_standard_fields(a, date, length, standard);
    char *at = into;
    const char *end = into + room;

    CHECK(room > 2 * EXCHANGE_FIELDS_BYTES);
    at = put(at, end, TEXT("HTTP/1.1 "));
    at = put(at, end, print_number((size_t)a->status, digits));
    at = put(at, end, TEXT(" "));
    at = put(at, end, text_of(reason(a->status)));
    at = put(at, end, TEXT("\r\n"));
    for (size_t i = 0; i < count + a->fields_count; i++) {
        const struct exchange_field *f = i < count ? &standard[i] : &a->fields[i - count];

        at = put(at, end, text_of(f->name));
        at = put(at, end, TEXT(": "));
        at = put(at, end, f->value);
        at = put(at, end, TEXT("\r\n"));
    }
    at = put(at, end, text_of(framing));
    at = put(at, end, TEXT("\r\n"));
    return (size_t)(at - into);
}
