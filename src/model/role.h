/* model/role.h - what a member may do */
#pragma once
#include "base/check.h"
#include "base/text.h"

/* The numbers are stored, and rise with what is allowed. */
enum role { ROLE_MEMBER = 0, ROLE_ADMIN = 1, ROLE_OWNER = 2 };

const char *role_word(enum role r);                     /* "member", "admin", "owner" */
/* One of those words and nothing else; false leaves *r alone. */
MUST_USE bool role_parse(struct text t, enum role *r);
