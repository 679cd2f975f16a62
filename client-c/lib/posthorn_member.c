/* lib/posthorn_member.c - who belongs to a conversation */
#include "lib/ask.h"
#include "posthorn.h"

enum posthorn_status posthorn_member_list(struct posthorn *p, const char *conversation,
                                          struct posthorn_answer **a, const struct posthorn_member **at,
                                          size_t *count)
{
    *a = NULL;
    char *path = ask_path("/v1/conversations/", conversation, "/members", NULL);
    if (!path)
        return client_fail(p, POSTHORN_MISUSE, "misuse", "not the id of a conversation");
    enum posthorn_status status = ask_as_me(p, "GET", path, NULL, a);
    free(path);
    if (status == POSTHORN_OK && !wire_members(*a, at, count))
        return ask_bad_answer(p, a);
    return status;
}

static enum posthorn_status change(struct posthorn *p, const char *method, const char *conversation,
                                   const char *user, const char *body)
{
    char *path = ask_path("/v1/conversations/", conversation, "/members/", user);
    if (!path || !user) {
        free(path);
        return client_fail(p, POSTHORN_MISUSE, "misuse", "not the id of a conversation or of a user");
    }
    enum posthorn_status status = ask_as_me(p, method, path, body, NULL);
    free(path);
    return status;
}

enum posthorn_status posthorn_member_put(struct posthorn *p, const char *conversation, const char *user,
                                         const char *role)
{
    char *body = WIRE_OBJECT({ .name = "role", .text = role });
    enum posthorn_status status = change(p, "PUT", conversation, user, body ? body : "{}");
    free(body);
    return status;
}

enum posthorn_status posthorn_member_remove(struct posthorn *p, const char *conversation, const char *user)
{
    return change(p, "DELETE", conversation, user, NULL);
}
