/* lib/posthorn_user.c - looking up people */
#include "lib/ask.h"
#include "posthorn.h"

static enum posthorn_status fetch(struct posthorn *p, const char *path, struct posthorn_answer **a,
                                  struct posthorn_account *user)
{
    enum posthorn_status status = ask_as_me(p, "GET", path, NULL, a);
    if (status == POSTHORN_OK && !wire_account(*a, NULL, user))
        return ask_bad_answer(p, a);
    return status;
}

enum posthorn_status posthorn_user_find(struct posthorn *p, const char *handle, struct posthorn_answer **a,
                                        struct posthorn_account *user)
{
    struct buf path = { 0 };
    buf_text(&path, "/v1/users?handle=");
    buf_escape(&path, handle);
    enum posthorn_status status = fetch(p, path.at, a, user);
    buf_fini(&path);
    return status;
}

enum posthorn_status posthorn_user_get(struct posthorn *p, const char *id, struct posthorn_answer **a,
                                       struct posthorn_account *user)
{
    *a = NULL;
    if (!client_token(p))
        return client_fail(p, POSTHORN_LOGGED_OUT, "logged_out", "not logged in");
    char *path = ask_path("/v1/users/", id, "", NULL);
    if (!path)
        return client_fail(p, POSTHORN_MISUSE, "misuse", "not the id of a user");
    enum posthorn_status status = fetch(p, path, a, user);
    free(path);
    return status;
}
