/* lib/session.c - who we are to the server, on disk: a secret */
#include "lib/session.h"
#include "lib/files.h"
#include <string.h>
#include <unistd.h>

static bool put(char *into, size_t room, const char *text)
{
    if (!text || strlen(text) >= room || strpbrk(text, "\r\n"))
        return false;
    memcpy(into, text, strlen(text) + 1);
    return true;
}

bool session_set(struct session *s, const char *server, const char *handle, const char *account,
                 const char *device, const char *token)
{
    *s = (struct session){ 0 };
    bool is_set = put(s->server, sizeof s->server, server) && put(s->handle, sizeof s->handle, handle) &&
                  put(s->account, sizeof s->account, account) && put(s->device, sizeof s->device, device) &&
                  put(s->token, sizeof s->token, token) && strspn(account, "0123456789") == strlen(account);
    /* The token goes into a header: nothing but visible ASCII. */
    for (const char *c = s->token; is_set && *c; c++)
        is_set = *c > ' ' && *c <= '~';
    if (!is_set)
        explicit_bzero(s, sizeof *s);
    return is_set;
}

void session_load(struct session *s, const char *dir, const char *server)
{
    *s = (struct session){ 0 };
    char *path = files_join(dir, "session");
    struct buf b = { 0 };
    char *line[5] = { 0 }, *rest = NULL;
    if (files_read(path, 4096, &b) && b.at) {
        char *at = strtok_r(b.at, "\n", &rest);
        for (int n = 0; n < 5 && at; n++, at = strtok_r(NULL, "\n", &rest))
            line[n] = at;
    }
    if (line[4] && strcmp(line[0], server) == 0 &&
        !session_set(s, line[0], line[1], line[2], line[3], line[4]))
        *s = (struct session){ 0 };
    if (b.at)
        explicit_bzero(b.at, b.room);
    buf_fini(&b);
    free(path);
}

bool session_save(const struct session *s, const char *dir)
{
    if (!dir)
        return true;
    struct buf b = { 0 };
    buf_format(&b, "%s\n%s\n%s\n%s\n%s\n", s->server, s->handle, s->account, s->device, s->token);
    bool is_saved = files_replace(dir, "session", b.at, b.bytes);
    explicit_bzero(b.at, b.room);
    buf_fini(&b);
    return is_saved;
}

void session_forget(struct session *s, const char *dir)
{
    explicit_bzero(s, sizeof *s);
    if (!dir)
        return;
    char *path = files_join(dir, "session");
    unlink(path);
    free(path);
}
