/* lib/posthorn_conversation.c - conversations: listed, opened, made, renamed */
#include "lib/ask.h"
#include "posthorn.h"
#include <string.h>

enum { PAGES_MOST = 100, MEMBERS_MOST = 99 };

/* next_page is opaque, or null on the last page. */
static enum posthorn_status next_page(struct posthorn *p, struct posthorn_answer *all, char **page)
{
    struct buf path = { 0 };
    struct posthorn_answer *a;
    buf_text(&path, "/v1/snapshot?limit=200&page=");
    buf_escape(&path, *page);
    enum posthorn_status status = ask_as_me(p, "GET", path.at, NULL, &a);
    buf_fini(&path);
    free(*page);
    *page = NULL;
    if (status != POSTHORN_OK)
        return status;
    *page = buf_copy(wire_string(a, "next_page"));
    wire_append(all, "conversations", a);
    wire_free(&a);
    return POSTHORN_OK;
}

enum posthorn_status posthorn_conversation_list(struct posthorn *p, struct posthorn_answer **a,
                                                const struct posthorn_conversation **at, size_t *count)
{
    enum posthorn_status status = ask_as_me(p, "GET", "/v1/snapshot?limit=200", NULL, a);
    if (status != POSTHORN_OK)
        return status;
    char *page = buf_copy(wire_string(*a, "next_page"));
    for (int n = 1; page && n < PAGES_MOST && status == POSTHORN_OK; n++)
        status = next_page(p, *a, &page);
    free(page);
    if (status != POSTHORN_OK) {
        wire_free(a);
        return status;
    }
    return wire_conversations(*a, at, count) ? POSTHORN_OK : ask_bad_answer(p, a);
}

static enum posthorn_status create(struct posthorn *p, char *body, char id[static 24])
{
    struct posthorn_answer *a;
    if (!body)
        return client_fail(p, POSTHORN_MISUSE, "misuse", "not valid UTF-8");
    enum posthorn_status status = ask_as_me(p, "POST", "/v1/conversations", body, &a);
    free(body);
    if (status != POSTHORN_OK)
        return status;
    if (!ask_take_id(a, id))
        return ask_bad_answer(p, &a);
    wire_free(&a);
    return POSTHORN_OK;
}

enum posthorn_status posthorn_conversation_direct(struct posthorn *p, const char *user, char id[24])
{
    if (!client_is_id(user))
        return client_fail(p, POSTHORN_MISUSE, "misuse", "not the id of a user");
    return create(p, WIRE_OBJECT({ .name = "kind", .text = "direct" }, { .name = "with", .text = user }), id);
}

enum posthorn_status posthorn_conversation_group(struct posthorn *p, const char *title,
                                                 const char *const *users, size_t count, char id[24])
{
    bool are_ids = count <= MEMBERS_MOST;
    for (size_t n = 0; n < count && are_ids; n++)
        are_ids = client_is_id(users[n]);
    if (!are_ids)
        return client_fail(p, POSTHORN_MISUSE, "misuse", "a group is made with the ids of at most 99 others");
    return create(p,
                  WIRE_OBJECT({ .name = "kind", .text = "group" }, { .name = "title", .text = title },
                              { .name = "members", .kind = WIRE_TEXTS, .texts = users, .count = count }),
                  id);
}

enum posthorn_status posthorn_conversation_get(struct posthorn *p, const char *id, struct posthorn_answer **a,
                                               struct posthorn_conversation *c)
{
    *a = NULL;
    char *path = ask_path("/v1/conversations/", id, "", NULL);
    if (!path)
        return client_fail(p, POSTHORN_MISUSE, "misuse", "not the id of a conversation");
    enum posthorn_status status = ask_as_me(p, "GET", path, NULL, a);
    free(path);
    if (status == POSTHORN_OK && !wire_conversation(*a, c))
        return ask_bad_answer(p, a);
    return status;
}

enum posthorn_status posthorn_conversation_rename(struct posthorn *p, const char *id, const char *title)
{
    char *path = ask_path("/v1/conversations/", id, "", NULL);
    char *body = WIRE_OBJECT({ .name = "title", .text = title });
    enum posthorn_status status = POSTHORN_MISUSE;
    if (path && body)
        status = ask_as_me(p, "PATCH", path, body, NULL);
    else
        client_fail(p, status, "misuse", "not the id of a conversation, or the title is not UTF-8");
    free(path);
    free(body);
    return status;
}
