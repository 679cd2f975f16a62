/* check/history.c - records in a mapped file: length, kind, time since the last one, fields by the kind's table
 *
 * The length byte is written last, and 0 is the end: so a writer that is killed between two instructions leaves whole
 * records. Ids, keys and hashes have 8 bytes each, what is small has 7 bits a byte.
 */
#include "check/history.h"
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    HISTORY_RECORD_MAX = 255,
    HISTORY_STEP = 64 * 1024, /* by how much a file grows at first; then by an eighth of itself */
    HISTORY_MAGIC_BYTES = 8,
    HISTORY_FIELDS_MAX = 12,
};
static const char history_magic[HISTORY_MAGIC_BYTES] = { 'p', 'h', 'i', 's', 't', '0', '1', '\n' };

struct history {
    unsigned char *from; /* the mapping */
    size_t bytes, room;
    uint64_t ns;
    uint32_t devices;
    int fd;
};

/* How a field is written. */
enum history_form { FORM_END, FORM_SMALL, FORM_WIDE, FORM_U32, FORM_KEY, FORM_FLAG, FORM_TEXT };
struct history_field {
    unsigned char form, at; /* at: offset in struct history_record */
};
#define SMALL(f)                                                                                             \
    {                                                                                                        \
        FORM_SMALL, offsetof(struct history_record, f)                                                       \
    }
#define WIDE(f)                                                                                              \
    {                                                                                                        \
        FORM_WIDE, offsetof(struct history_record, f)                                                        \
    }
#define U32(f)                                                                                               \
    {                                                                                                        \
        FORM_U32, offsetof(struct history_record, f)                                                         \
    }
#define KEY                                                                                                  \
    {                                                                                                        \
        FORM_KEY, offsetof(struct history_record, key)                                                       \
    }
#define FLAG                                                                                                 \
    {                                                                                                        \
        FORM_FLAG, offsetof(struct history_record, is_duplicate)                                             \
    }
#define WORDS                                                                                                \
    {                                                                                                        \
        FORM_TEXT, offsetof(struct history_record, text)                                                     \
    }

static const struct history_field history_fields[HISTORY_KINDS][HISTORY_FIELDS_MAX] = {
    [HISTORY_DEVICE] = { WIDE(user), WIDE(id) },
    [HISTORY_SEND] = { U32(device), KEY, WIDE(conversation), WIDE(hash), SMALL(counter) },
    [HISTORY_ACKED] = { U32(device), KEY, WIDE(conversation), SMALL(seq), WIDE(id), FLAG },
    [HISTORY_REFUSED] = { U32(device), KEY, U32(code) },
    [HISTORY_OPENED] = { U32(device), SMALL(connection), SMALL(timeline), SMALL(i), WORDS },
    [HISTORY_EVENT] = { U32(device), SMALL(connection), SMALL(i), U32(event), WIDE(conversation), SMALL(seq),
                        WIDE(id), WIDE(from), KEY, WIDE(hash) },
    [HISTORY_CLOSED] = { U32(device), SMALL(connection), WORDS },
    [HISTORY_RESYNC] = { U32(device), SMALL(timeline), SMALL(i) },
    [HISTORY_MEMBER] = { WIDE(conversation), WIDE(user), SMALL(seq), SMALL(to) },
    [HISTORY_VISIBLE] = { U32(device), U32(code), WORDS },
    [HISTORY_GONE] = { U32(device), WORDS },
};

uint64_t history_now(void)
{
    struct timespec t;

    CHECK(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t history_hash(const void *text, size_t bytes)
{
    const unsigned char *at = text;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t k = 0; k < bytes; k++)
        hash = (hash ^ at[k]) * UINT64_C(0x100000001b3);
    return bytes ? hash : 0;
}

static void history_die(const char *what)
{
    fprintf(stderr, "history: %s: %s\n", what, strerror(errno));
    exit(2);
}

/* Takes its blocks from the disk before they are mapped: a full disk is told here, not by a signal. */
static void history_grow(struct history *h, size_t room)
{
    room = (room + HISTORY_STEP - 1) / HISTORY_STEP * HISTORY_STEP;
    errno = posix_fallocate(h->fd, 0, (off_t)room);
    if (errno)
        history_die("no room for the history");
    void *at = h->from ? mremap(h->from, h->room, room, MREMAP_MAYMOVE)
                       : mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_SHARED, h->fd, 0);
    if (at == MAP_FAILED)
        history_die("mmap");
    h->from = at;
    h->room = room;
}

struct history *history_new(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    if (fd < 0)
        return NULL;
    struct history *h = calloc(1, sizeof *h);
    CHECK(h);
    h->fd = fd;
    history_grow(h, HISTORY_STEP);
    memcpy(h->from, history_magic, HISTORY_MAGIC_BYTES);
    h->bytes = HISTORY_MAGIC_BYTES;
    return h;
}

static unsigned char *history_small(unsigned char *at, uint64_t n)
{
    for (; n >= 0x80; n >>= 7)
        *at++ = (unsigned char)(n | 0x80);
    *at++ = (unsigned char)n;
    return at;
}

static unsigned char *history_wide(unsigned char *at, uint64_t n)
{
    n = htole64(n);
    memcpy(at, &n, sizeof n);
    return at + sizeof n;
}

static unsigned char *history_write(unsigned char *at, enum history_form form, const void *field)
{
    switch (form) {
    case FORM_SMALL:
        return history_small(at, *(const uint64_t *)field);
    case FORM_WIDE:
        return history_wide(at, *(const uint64_t *)field);
    case FORM_U32:
        return history_small(at, *(const uint32_t *)field);
    case FORM_KEY:
        at = history_wide(at, ((const struct key *)field)->high);
        return history_wide(at, ((const struct key *)field)->low);
    case FORM_FLAG:
        *at = *(const bool *)field;
        return at + 1;
    case FORM_TEXT: {
        const struct text *t = field;
        size_t bytes = t->bytes < HISTORY_TEXT_MAX ? t->bytes : HISTORY_TEXT_MAX;
        if (bytes)
            memcpy(at, t->at, bytes);
        return at + bytes;
    }
    case FORM_END:
        break;
    }
    return at;
}

void history_put(struct history *h, const struct history_record *r)
{
    uint64_t ns = r->ns ? r->ns : history_now();
    int64_t since = (int64_t)(ns - h->ns);

    CHECK(r->kind > 0 && r->kind < HISTORY_KINDS);
    CHECK(r->kind == HISTORY_DEVICE || r->kind == HISTORY_MEMBER || r->device < h->devices);
    /* Behind the record the mapping still holds a 0: its end. */
    if (h->room - h->bytes < HISTORY_RECORD_MAX + 2)
        history_grow(h, h->room + h->room / 8 + HISTORY_STEP);
    unsigned char *from = h->from + h->bytes, *at = from + 1;
    *at++ = (unsigned char)r->kind;
    at = history_small(at, (uint64_t)since << 1 ^ (uint64_t)(since >> 63));
    for (const struct history_field *f = history_fields[r->kind]; f->form != FORM_END; f++)
        at = history_write(at, f->form, (const char *)r + f->at);
    CHECK(at - from - 1 <= HISTORY_RECORD_MAX);
    atomic_thread_fence(memory_order_release);
    atomic_store_explicit((_Atomic unsigned char *)from, (unsigned char)(at - from - 1),
                          memory_order_release);
    h->bytes += (size_t)(at - from);
    h->ns = ns;
}

uint32_t history_device(struct history *h, uint64_t user, uint64_t device)
{
    history_put(h, &(struct history_record){ .kind = HISTORY_DEVICE, .user = user, .id = device });
    return h->devices++;
}

void history_free(struct history **h)
{
    if (!*h)
        return;
    munmap((*h)->from, (*h)->room);
    /* Failing leaves zeros at the end, which a reader understands as well. */
    if (ftruncate((*h)->fd, (off_t)(*h)->bytes))
        fprintf(stderr, "history: %s\n", strerror(errno));
    close((*h)->fd);
    free(*h);
    *h = NULL;
}

bool history_open(struct history_reader *r, const char *path)
{
    struct stat s;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    *r = (struct history_reader){ 0 };
    if (fd < 0)
        return false;
    if (fstat(fd, &s) || s.st_size < HISTORY_MAGIC_BYTES) {
        close(fd);
        return false;
    }
    r->bytes = (size_t)s.st_size;
    void *at = mmap(NULL, r->bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (at == MAP_FAILED)
        return false;
    r->from = at;
    r->end = r->from + r->bytes;
    if (memcmp(r->from, history_magic, HISTORY_MAGIC_BYTES)) {
        history_close(r);
        return false;
    }
    /* Advice only: it is as well without. */
    (void)madvise(at, r->bytes, MADV_SEQUENTIAL);
    history_rewind(r);
    return true;
}

void history_rewind(struct history_reader *r)
{
    r->at = r->from + HISTORY_MAGIC_BYTES;
    r->ns = 0;
    r->devices = 0;
    r->is_broken = false;
}

void history_close(struct history_reader *r)
{
    if (r->from)
        munmap((void *)(uintptr_t)r->from, r->bytes);
    *r = (struct history_reader){ 0 };
}

/* Where a read goes on; NULL: the record was shorter than its fields. */
static const unsigned char *history_read_small(const unsigned char *at, const unsigned char *end, uint64_t *n)
{
    *n = 0;
    for (unsigned shift = 0; at < end && shift < 64; shift += 7) {
        *n |= (uint64_t)(*at & 0x7f) << shift;
        if (!(*at++ & 0x80))
            return at;
    }
    return NULL;
}

static const unsigned char *history_read_wide(const unsigned char *at, const unsigned char *end, uint64_t *n)
{
    if (end - at < (ptrdiff_t)sizeof *n)
        return NULL;
    memcpy(n, at, sizeof *n);
    *n = le64toh(*n);
    return at + sizeof *n;
}

static const unsigned char *history_read(const unsigned char *at, const unsigned char *end,
                                         enum history_form form, void *field)
{
    uint64_t n;

    switch (form) {
    case FORM_SMALL:
        return history_read_small(at, end, field);
    case FORM_WIDE:
        return history_read_wide(at, end, field);
    case FORM_U32:
        at = history_read_small(at, end, &n);
        *(uint32_t *)field = at ? (uint32_t)n : 0;
        return at && n <= UINT32_MAX ? at : NULL;
    case FORM_KEY:
        at = history_read_wide(at, end, &((struct key *)field)->high);
        return at ? history_read_wide(at, end, &((struct key *)field)->low) : NULL;
    case FORM_FLAG:
        if (at == end || *at > 1)
            return NULL;
        *(bool *)field = *at;
        return at + 1;
    case FORM_TEXT:
        *(struct text *)field = (struct text){ (const char *)at, (size_t)(end - at) };
        return end;
    case FORM_END:
        break;
    }
    return NULL;
}

/* The fields of one record that lies between at and end; false: they don't fill it exactly. */
static bool history_decode(struct history_reader *r, const unsigned char *at, const unsigned char *end,
                           struct history_record *into)
{
    uint64_t since;

    *into = (struct history_record){ .kind = (enum history_kind) * at };
    if (*at == 0 || *at >= HISTORY_KINDS)
        return false;
    at = history_read_small(at + 1, end, &since);
    for (const struct history_field *f = history_fields[into->kind]; at && f->form != FORM_END; f++)
        at = history_read(at, end, f->form, (char *)into + f->at);
    r->ns += since >> 1 ^ -(since & 1);
    into->ns = r->ns;
    if (into->kind == HISTORY_DEVICE)
        into->device = r->devices++;
    return at == end && (into->kind == HISTORY_MEMBER || into->device < r->devices);
}

bool history_next(struct history_reader *r, struct history_record *into)
{
    if (r->is_broken || r->at >= r->end || *r->at == 0)
        return false;
    size_t bytes = *r->at;
    if ((size_t)(r->end - r->at) < bytes + 1 || !history_decode(r, r->at + 1, r->at + 1 + bytes, into)) {
        r->is_broken = true;
        return false;
    }
    r->at += bytes + 1;
    return true;
}
