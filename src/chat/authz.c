/* chat/authz.c - the table of roles and actions */
#include "chat/authz.h"

#define AUTHZ_MEMBER (1u << ROLE_MEMBER)
#define AUTHZ_ADMIN (1u << ROLE_ADMIN)
#define AUTHZ_OWNER (1u << ROLE_OWNER)
#define AUTHZ_ALL (AUTHZ_MEMBER | AUTHZ_ADMIN | AUTHZ_OWNER)

static const struct {
    unsigned direct, group; /* the roles that may */
} authz_rules[] = {
    [ACTION_READ] = { AUTHZ_ALL, AUTHZ_ALL },
    [ACTION_SEND] = { AUTHZ_ALL, AUTHZ_ALL },
    [ACTION_MARK] = { AUTHZ_ALL, AUTHZ_ALL },
    [ACTION_RETITLE] = { 0, AUTHZ_ADMIN | AUTHZ_OWNER },
    [ACTION_ADD] = { 0, AUTHZ_ADMIN | AUTHZ_OWNER },
    [ACTION_REMOVE] = { 0, AUTHZ_ADMIN | AUTHZ_OWNER },
    [ACTION_LEAVE] = { 0, AUTHZ_ALL },
    [ACTION_SET_ROLE] = { 0, AUTHZ_OWNER },
};

enum err authz_check(const struct members *m, struct user_id user, enum action action)
{
    const struct member *member = members_find(m, user);

    CHECK(action < sizeof authz_rules / sizeof *authz_rules);
    if (!member)
        return ERR_NOT_FOUND;
    bool is_direct = m->kind == CONVERSATION_DIRECT;
    unsigned may = is_direct ? authz_rules[action].direct : authz_rules[action].group;
    if (may & (1u << member->role))
        return ERR_OK;
    return is_direct ? ERR_DIRECT_FIXED : ERR_FORBIDDEN;
}
