/* lib/cursor.c - how far the inbox was read, on disk */
#include "lib/cursor.h"
#include "lib/files.h"
#include <inttypes.h>
#include <string.h>

bool cursor_set(struct cursor *c, const char *text)
{
    size_t n = text ? strlen(text) : 0;
    if (n == 0 || n >= sizeof c->text)
        return false;
    for (size_t i = 0; i < n; i++)
        if (text[i] <= ' ' || text[i] > '~' || text[i] == '"' || text[i] == '\\')
            return false;
    memcpy(c->text, text, n + 1);
    return true;
}

void cursor_load(struct cursor *c, const char *dir)
{
    *c = (struct cursor){ 0 };
    char *path = files_join(dir, "cursor");
    struct buf b = { 0 };
    char text[64], known[8], end;
    struct cursor read = { 0 };
    if (files_read(path, 256, &b) && b.at &&
        sscanf(b.at, "cursor %63s i %" SCNu64 " %7s en%c", text, &read.i, known, &end) == 4 && end == 'd' &&
        cursor_set(&read, text)) {
        read.knows_i = strcmp(known, "known") == 0;
        *c = read;
    }
    buf_fini(&b);
    free(path);
}

bool cursor_save(const struct cursor *c, const char *dir)
{
    if (!dir)
        return true;
    struct buf b = { 0 };
    buf_format(&b, "cursor %s i %" PRIu64 " %s end\n", c->text, c->i, c->knows_i ? "known" : "open");
    bool is_saved = files_replace(dir, "cursor", b.at, b.bytes);
    buf_fini(&b);
    return is_saved;
}
