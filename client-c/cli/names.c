/* cli/names.c - people and conversations by the names that people use */
#include "cli/names.h"
#include "cli/text.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct known {
    char id[24];
    char *name;
    bool is_group;
    struct known *next;
};

struct names {
    struct posthorn *client;
    char *path; /* of the file of direct conversations */
    struct known *users, *conversations;
};

struct names *names_new(struct posthorn *client, const char *dir)
{
    struct names *n = calloc(1, sizeof *n);
    if (!n)
        abort();
    n->client = client;
    n->path = text_format("%s/names", dir);
    return n;
}

static void drop_all(struct known *k)
{
    for (struct known *next; k; k = next) {
        next = k->next;
        free(k->name);
        free(k);
    }
}

void names_free(struct names **n)
{
    if (!*n)
        return;
    drop_all((*n)->users);
    drop_all((*n)->conversations);
    free((*n)->path);
    free(*n);
    *n = NULL;
}

static struct known *find(struct known *list, const char *id)
{
    while (list && strcmp(list->id, id) != 0)
        list = list->next;
    return list;
}

static struct known *learn(struct known **list, const char *id, char *name, bool is_group)
{
    struct known *k = calloc(1, sizeof *k);
    if (!k)
        abort();
    snprintf(k->id, sizeof k->id, "%s", id);
    k->name = name;
    k->is_group = is_group;
    k->next = *list;
    *list = k;
    return k;
}

const char *names_handle(struct names *n, const char *user)
{
    if (!user)
        return "?";
    struct posthorn_account me, found;
    struct known *k = find(n->users, user);
    if (k)
        return k->name;
    struct posthorn_answer *a = NULL;
    const char *handle = user;
    if (posthorn_account_me(n->client, &me) && strcmp(me.id, user) == 0)
        handle = me.handle;
    else if (posthorn_user_get(n->client, user, &a, &found) == POSTHORN_OK)
        handle = found.handle;
    else
        return user; /* not remembered: the server may be there the next time */
    k = learn(&n->users, user, text_safe(handle, 0), false);
    posthorn_answer_free(&a);
    return k->name;
}

static struct known *conversation_of(struct names *n, const char *id)
{
    struct known *k = find(n->conversations, id);
    if (k)
        return k;
    struct posthorn_answer *a;
    struct posthorn_conversation c;
    if (posthorn_conversation_get(n->client, id, &a, &c) != POSTHORN_OK)
        return NULL;
    bool is_group = strcmp(c.kind, "group") == 0;
    char *name = is_group ? text_safe(c.title && *c.title ? c.title : c.id, 0)
                          : text_format("@%s", names_handle(n, c.peer));
    posthorn_answer_free(&a);
    return learn(&n->conversations, id, name, is_group);
}

const char *names_conversation(struct names *n, const char *conversation)
{
    const struct known *k = conversation ? conversation_of(n, conversation) : NULL;
    return k ? k->name : conversation ? conversation : "?";
}

bool names_is_group(struct names *n, const char *conversation)
{
    const struct known *k = conversation ? conversation_of(n, conversation) : NULL;
    return k && k->is_group;
}

void names_forget(struct names *n, const char *conversation)
{
    struct known **at = &n->conversations;
    while (*at && strcmp((*at)->id, conversation) != 0)
        at = &(*at)->next;
    if (!*at)
        return;
    struct known *gone = *at;
    *at = gone->next;
    free(gone->name);
    free(gone);
}

enum posthorn_status names_user(struct names *n, const char *typed, char id[24])
{
    struct posthorn_answer *a;
    struct posthorn_account user;
    enum posthorn_status status = posthorn_user_find(n->client, typed + (typed[0] == '@'), &a, &user);
    if (status == POSTHORN_OK)
        snprintf(id, 24, "%s", user.id);
    posthorn_answer_free(&a);
    return status;
}

static enum posthorn_status group_by_title(struct names *n, const char *title, char id[24],
                                           const char **detail)
{
    struct posthorn_answer *a;
    const struct posthorn_conversation *at;
    size_t count, hits = 0;
    enum posthorn_status status = posthorn_conversation_list(n->client, &a, &at, &count);
    if (status != POSTHORN_OK)
        return status;
    for (size_t i = 0; i < count; i++)
        if (at[i].title && strcmp(at[i].kind, "group") == 0 && strcmp(at[i].title, title) == 0 && ++hits == 1)
            snprintf(id, 24, "%s", at[i].id);
    posthorn_answer_free(&a);
    if (hits > 1) {
        *detail = "several groups have that title; use the id (posthorn conversations)";
        return POSTHORN_CONFLICT;
    }
    if (hits == 0)
        *detail = "no group of yours has that title";
    return hits ? POSTHORN_OK : POSTHORN_NOT_FOUND;
}

/* The file: lines "ACCOUNT HANDLE CONVERSATION". A handle belongs to an account for ever, and two people have
 * one direct conversation for ever, so a line never gets wrong. */
static bool recall(const struct names *n, const char *handle, char id[24])
{
    struct posthorn_account me;
    char account[24], known[80], found[24];
    FILE *from = fopen(n->path, "re");
    bool is_known = false;
    posthorn_account_me(n->client, &me);
    while (from && !is_known && fscanf(from, "%23s %79s %23s", account, known, found) == 3)
        is_known = strcmp(account, me.id) == 0 && strcmp(known, handle) == 0 && text_is_id(found);
    if (from)
        fclose(from);
    if (is_known)
        snprintf(id, 24, "%s", found);
    return is_known;
}

static void remember(const struct names *n, const char *handle, const char *id)
{
    struct posthorn_account me;
    char known[24];
    if (strlen(handle) > 79 || strpbrk(handle, " \t\r\n") || recall(n, handle, known))
        return;
    posthorn_account_me(n->client, &me);
    int fd = open(n->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return; /* only a convenience */
    dprintf(fd, "%s %s %s\n", me.id, handle, id);
    close(fd);
}

/* Opens the direct conversation with a handle. */
static enum posthorn_status direct_with(struct names *n, const char *handle, char id[24])
{
    char user[24];
    enum posthorn_status status = names_user(n, handle, user);
    if (status == POSTHORN_OK)
        status = posthorn_conversation_direct(n->client, user, id);
    if (status == POSTHORN_OK)
        remember(n, handle, id);
    bool is_away =
        status == POSTHORN_UNREACHABLE || status == POSTHORN_TIMED_OUT || status == POSTHORN_SERVER_FAILED;
    return is_away && recall(n, handle, id) ? POSTHORN_OK : status;
}

enum posthorn_status names_target(struct names *n, const char *typed, char id[24], const char **detail)
{
    *detail = NULL;
    if (text_is_id(typed)) {
        snprintf(id, 24, "%s", typed);
        return POSTHORN_OK;
    }
    enum posthorn_status status = direct_with(n, typed + (typed[0] == '@'), id);
    if (status == POSTHORN_OK)
        return status;
    /* A title can be anything; what can't be a handle is refused with 400 there. */
    bool may_be_title = typed[0] != '@' && (status == POSTHORN_NOT_FOUND || status == POSTHORN_REFUSED);
    if (may_be_title) {
        status = group_by_title(n, typed, id, detail);
        if (status == POSTHORN_NOT_FOUND)
            *detail = "nobody has that handle, and no group of yours that title";
        return status;
    }
    if (status == POSTHORN_NOT_FOUND)
        *detail = "nobody has that handle";
    return status;
}

enum posthorn_status names_group(struct names *n, const char *typed, char id[24], const char **detail)
{
    *detail = NULL;
    if (!text_is_id(typed))
        return group_by_title(n, typed, id, detail);
    snprintf(id, 24, "%s", typed);
    return POSTHORN_OK;
}
