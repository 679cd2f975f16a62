/* cli/cmd_group.c - commands: group create, add, remove, leave, members, rename */
#include "cli/cmd_group.h"
#include "cli/command.h"
#include "cli/names.h"
#include "cli/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OTHERS_MOST = 99 };

static int explain_handle(const struct cli *c, enum posthorn_status status, const char *typed)
{
    if (status == POSTHORN_NOT_FOUND)
        return cli_error(c, (int)status, "nobody has the handle %s", typed);
    return cli_explain(c, status);
}

static int create(struct cli *c, const char *title, const char *const *people, size_t count)
{
    char ids[OTHERS_MOST][24], id[24];
    const char *users[OTHERS_MOST];
    if (count > OTHERS_MOST)
        return cli_error(c, POSTHORN_MISUSE, "a group has at most 100 members");
    for (size_t n = 0; n < count; n++) {
        enum posthorn_status status = names_user(c->names, people[n], ids[n]);
        if (status != POSTHORN_OK)
            return explain_handle(c, status, people[n]);
        users[n] = ids[n];
    }
    enum posthorn_status status = posthorn_conversation_group(c->client, title, users, count, id);
    if (status != POSTHORN_OK)
        return cli_explain(c, status);
    printf(c->is_json ? "{\"id\":\"%s\"}\n" : "%s\n", id);
    return 0;
}

/* Adds (role) or removes (role NULL) people, one after the other. */
static int change(struct cli *c, const char *group, const char *const *people, size_t count, const char *role)
{
    for (size_t n = 0; n < count; n++) {
        char user[24];
        enum posthorn_status status = names_user(c->names, people[n], user);
        if (status != POSTHORN_OK)
            return explain_handle(c, status, people[n]);
        status = role ? posthorn_member_put(c->client, group, user, role)
                      : posthorn_member_remove(c->client, group, user);
        if (status != POSTHORN_OK)
            return cli_explain(c, status);
        cli_note(c, "%s %s", role ? "added" : "removed", people[n]);
    }
    return 0;
}

static int leave(struct cli *c, const char *group)
{
    struct posthorn_account me;
    posthorn_account_me(c->client, &me);
    enum posthorn_status status = posthorn_member_remove(c->client, group, me.id);
    return status == POSTHORN_OK ? 0 : cli_explain(c, status);
}

static int members(struct cli *c, const char *group)
{
    struct posthorn_answer *a;
    const struct posthorn_member *at;
    size_t count;
    enum posthorn_status status = posthorn_member_list(c->client, group, &a, &at, &count);
    if (status != POSTHORN_OK)
        return cli_explain(c, status);
    if (c->is_json)
        puts(posthorn_answer_json(a));
    for (size_t n = 0; n < count && !c->is_json; n++)
        printf("%s\t%s\t%s\n", at[n].user, names_handle(c->names, at[n].user), at[n].role ? at[n].role : "");
    posthorn_answer_free(&a);
    return 0;
}

static int rename_to(struct cli *c, const char *group, const char *title)
{
    enum posthorn_status status = posthorn_conversation_rename(c->client, group, title);
    return status == POSTHORN_OK ? 0 : cli_explain(c, status);
}

enum verb { CREATE, ADD, REMOVE, LEAVE, MEMBERS, RENAME, VERBS };

static int run(struct cli *c, enum verb verb, const char *group)
{
    const struct options *o = &c->options;
    const char *role = o->value[OPTION_ROLE] ? o->value[OPTION_ROLE] : "member";
    switch (verb) {
    case CREATE:
        return create(c, o->arguments[1], o->arguments + 2, o->count - 2);
    case ADD:
        return change(c, group, o->arguments + 2, o->count - 2, role);
    case REMOVE:
        return change(c, group, o->arguments + 2, o->count - 2, NULL);
    case LEAVE:
        return leave(c, group);
    case MEMBERS:
        return members(c, group);
    case RENAME:
        return rename_to(c, group, o->arguments[2]);
    case VERBS:
        break;
    }
    return POSTHORN_MISUSE;
}

int cmd_group(struct cli *c)
{
    static const struct {
        const char *word;
        size_t least, most; /* arguments, the word itself counted */
    } verbs[VERBS] = {
        [CREATE] = { "create", 2, OTHERS_MOST + 2 },
        [ADD] = { "add", 3, OTHERS_MOST + 2 },
        [REMOVE] = { "remove", 3, OTHERS_MOST + 2 },
        [LEAVE] = { "leave", 2, 2 },
        [MEMBERS] = { "members", 2, 2 },
        [RENAME] = { "rename", 3, 3 },
    };
    const struct options *o = &c->options;
    int verb = 0;
    while (verb < VERBS && strcmp(verbs[verb].word, o->arguments[0]) != 0)
        verb++;
    if (verb == VERBS || o->count < verbs[verb].least || o->count > verbs[verb].most)
        return command_usage(c->command);
    int code = cli_open(c, NULL, true);
    char group[24] = "";
    const char *detail;
    if (code == 0 && verb != CREATE) {
        enum posthorn_status status = names_group(c->names, o->arguments[1], group, &detail);
        if (status != POSTHORN_OK)
            code = detail ? cli_error(c, (int)status, "%s", detail) : cli_explain(c, status);
    }
    return code ? code : run(c, (enum verb)verb, group);
}
