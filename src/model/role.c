/* model/role.c - the words for roles */
#include "model/role.h"

static const char *const role_words[] = { "member", "admin", "owner" };

const char *role_word(enum role r)
{
    CHECK(r <= ROLE_OWNER);
    return role_words[r];
}

bool role_parse(struct text t, enum role *r)
{
    for (unsigned k = 0; k <= ROLE_OWNER; k++) {
        if (text_equal(t, text_of(role_words[k]))) {
            *r = (enum role)k;
            return true;
        }
    }
    return false;
}
