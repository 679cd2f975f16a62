/* lib/outbox.c - messages that have no answer yet, on disk until they have one */
#include "lib/outbox.h"
#include "lib/files.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Every process writes a file of its own, outbox-<ULID>.log, under a lock that ends with the process. A line
 * is a record: checksum, then "put KEY CONVERSATION BODY" (synced before the message is sent) or "done KEY"
 * (not synced: without it the message is sent again, and the server knows the key). A line that a crash cut
 * has a wrong checksum and is skipped. Who opens the outbox takes over files that nobody holds: their
 * messages are written to his own file first, then they are unlinked; a crash between the two leaves the
 * message in both, under one key. */

static uint32_t checksum(const char *bytes, size_t count)
{
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < count; i++) {
        crc ^= (uint8_t)bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1)));
    }
    return ~crc;
}

static void add_record(struct buf *to, const char *record)
{
    buf_format(to, "%08x %s\n", checksum(record, strlen(record)), record);
}

static struct outbox_entry *find(const struct outbox *o, const char *key)
{
    struct outbox_entry *e;
    TAILQ_FOREACH(e, &o->list, entry)
    if (strcmp(e->key, key) == 0)
        return e;
    return NULL;
}

/* By key, so that files taken over merge in the order in which people wrote. */
static void insert(struct outbox *o, const char *key, const char *conversation, const char *body)
{
    struct outbox_entry *e = buf_zeroed(1, sizeof *e), *at;
    snprintf(e->key, sizeof e->key, "%s", key);
    snprintf(e->conversation, sizeof e->conversation, "%s", conversation);
    e->body = buf_copy(body);
    TAILQ_FOREACH_REVERSE(at, &o->list, outbox_list, entry)
    if (strcmp(at->key, key) < 0)
        break;
    if (at)
        TAILQ_INSERT_AFTER(&o->list, at, e, entry);
    else
        TAILQ_INSERT_HEAD(&o->list, e, entry);
    o->count++;
}

static void take_out(struct outbox *o, struct outbox_entry *e)
{
    TAILQ_REMOVE(&o->list, e, entry);
    o->count--;
    free(e->body);
    free(e);
}

static bool is_id(const char *text)
{
    size_t n = strlen(text);
    return n >= 1 && n <= 20 && strspn(text, "0123456789") == n;
}

/* One record, without its checksum; what can't be one is skipped. */
static void apply(struct outbox *o, char *record)
{
    char *kind = strtok_r(record, " ", &record);
    char *key = kind ? strtok_r(NULL, " ", &record) : NULL;
    if (!key || !ulid_is(key))
        return;
    struct outbox_entry *known = find(o, key);
    if (strcmp(kind, "done") == 0 && known)
        take_out(o, known);
    char *conversation = strcmp(kind, "put") == 0 ? strtok_r(NULL, " ", &record) : NULL;
    if (conversation && is_id(conversation) && !known && record && *record && o->count < OUTBOX_MOST)
        insert(o, key, conversation, record);
}

/* A crash of the machine may leave zeros in the middle, so lines are found by length, not by strchr(). */
static void apply_all(struct outbox *o, char *text, size_t bytes)
{
    char *end, *stop = text + bytes;
    for (; (end = memchr(text, '\n', (size_t)(stop - text))); text = end + 1) {
        *end = 0;
        char *space;
        unsigned long sum = strtoul(text, &space, 16);
        if (space == text + 8 && *space == ' ' && sum == checksum(space + 1, (size_t)(end - space) - 1))
            apply(o, space + 1);
    }
}

/* Makes our file and writes all that waits into it. */
static bool create(struct outbox *o)
{
    struct ulid_source source = { 0 };
    char ulid[ULID_BYTES + 1];
    ulid_make(&source, ulid);
    struct buf name = { 0 }, all = { 0 };
    buf_format(&name, "outbox-%s.log", ulid);
    char *path = files_join(o->dir, name.at);
    o->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    bool is_made = o->fd >= 0 && flock(o->fd, LOCK_EX | LOCK_NB) == 0;
    const struct outbox_entry *e;
    TAILQ_FOREACH(e, &o->list, entry)
    {
        struct buf record = { 0 };
        buf_format(&record, "put %s %s %s", e->key, e->conversation, e->body);
        add_record(&all, record.at);
        buf_fini(&record);
    }
    is_made = is_made && files_write(o->fd, all.at, all.bytes) && fsync(o->fd) == 0 && files_sync_dir(o->dir);
    int why = errno;
    if (is_made) {
        o->name = buf_take(&name);
        o->file_bytes = all.bytes;
    } else if (o->fd >= 0) {
        unlink(path);
        close(o->fd);
        o->fd = -1;
    }
    free(path);
    buf_fini(&name);
    buf_fini(&all);
    errno = why;
    return is_made;
}

static int is_outbox(const struct dirent *d)
{
    size_t n = strlen(d->d_name);
    return n == sizeof "outbox-.log" - 1 + ULID_BYTES && strncmp(d->d_name, "outbox-", 7) == 0 &&
           strcmp(d->d_name + n - 4, ".log") == 0;
}

/* Reads a file that nobody holds; answers its locked descriptor, or -1: somebody does, or it is gone. */
static int adopt(struct outbox *o, const char *path)
{
    struct stat s;
    struct buf text = { 0 };
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return -1;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0 || fstat(fd, &s) != 0 || s.st_nlink == 0 ||
        !files_read(path, OUTBOX_FILE_MOST, &text)) {
        close(fd);
        buf_fini(&text);
        return -1;
    }
    if (text.at)
        apply_all(o, text.at, text.bytes);
    buf_fini(&text);
    return fd;
}

bool outbox_open(struct outbox *o, const char *dir)
{
    *o = (struct outbox){ .dir = buf_copy(dir), .fd = -1 };
    TAILQ_INIT(&o->list);
    if (!dir)
        return true;
    struct dirent **names;
    int count = scandir(dir, &names, is_outbox, alphasort);
    if (count < 0)
        return false;
    int *held = buf_zeroed((size_t)count, sizeof *held);
    for (int n = 0; n < count; n++) {
        char *path = files_join(dir, names[n]->d_name);
        held[n] = adopt(o, path);
        free(path);
    }
    bool is_safe = o->count == 0 || create(o);
    for (int n = 0; n < count; n++) {
        char *path = files_join(dir, names[n]->d_name);
        if (held[n] >= 0 && is_safe)
            unlink(path);
        if (held[n] >= 0)
            close(held[n]);
        free(path);
        free(names[n]);
    }
    free(names);
    free(held);
    return is_safe;
}

static bool append(struct outbox *o, const char *record, bool syncs)
{
    struct buf line = { 0 };
    add_record(&line, record);
    bool is_written = files_write(o->fd, line.at, line.bytes) && (!syncs || fdatasync(o->fd) == 0);
    int why = errno;
    if (is_written)
        o->file_bytes += line.bytes;
    else if (ftruncate(o->fd, (off_t)o->file_bytes) != 0) /* half a line would swallow the next one */
        why = errno;
    buf_fini(&line);
    errno = why;
    return is_written;
}

bool outbox_put(struct outbox *o, const char *key, const char *conversation, const char *body)
{
    if (o->count >= OUTBOX_MOST) {
        errno = ENOBUFS;
        return false;
    }
    if (o->dir) {
        struct buf record = { 0 };
        buf_format(&record, "put %s %s %s", key, conversation, body);
        bool is_kept = (o->name || create(o)) && append(o, record.at, true);
        buf_fini(&record);
        if (!is_kept)
            return false;
    }
    insert(o, key, conversation, body);
    return true;
}

void outbox_done(struct outbox *o, struct outbox_entry *e)
{
    char record[8 + ULID_BYTES];
    snprintf(record, sizeof record, "done %s", e->key);
    take_out(o, e);
    if (!o->name)
        return;
    if (o->count == 0 && ftruncate(o->fd, 0) == 0)
        o->file_bytes = 0;
    else if (!append(o, record, false))
        return; /* the disk is full: the message will be sent again, which is harmless */
}

void outbox_drop(struct outbox *o)
{
    struct outbox_entry *e;
    while ((e = TAILQ_FIRST(&o->list)))
        take_out(o, e);
    if (o->name && ftruncate(o->fd, 0) == 0)
        o->file_bytes = 0;
}

void outbox_close(struct outbox *o)
{
    struct outbox_entry *e;
    if (o->name && o->count == 0) {
        char *path = files_join(o->dir, o->name);
        unlink(path);
        free(path);
    }
    if (o->fd >= 0)
        close(o->fd);
    while ((e = TAILQ_FIRST(&o->list)))
        take_out(o, e);
    free(o->dir);
    free(o->name);
    o->dir = o->name = NULL;
    o->fd = -1;
}
