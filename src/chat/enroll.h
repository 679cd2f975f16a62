/* chat/enroll.h - an account is made; a device logs in */
#pragma once
#include "chat/chat.h"
#include "chat/sessions.h"
#include "store/account.h"

struct enroll {
    struct op op;                   /* first */
    struct chat *chat;              /* in */
    struct text handle, password;   /* in, as typed */
    struct text name;               /* in: display name of the account (enroll_register) */
    struct text device_name, platform;          /* in (enroll_login) */
    struct arena *arena;            /* in: where texts of the answer live */

    char canonical[LIMIT_HANDLE_BYTES + 1];
    char secret[LIMIT_PASSWORD_BYTES + 1];      /* wiped as soon as it was used */
    char hash[SECRET_PASSWORD_HASH_MAX];
    bool is_right;
    struct account_read read;       /* out: read.account */
    struct device device;           /* out (login) */
    char token[SESSIONS_TOKEN_TEXT + 1];        /* out (login): said once, never stored */
    struct inbox_seq head;          /* out (login) */
    const char *bad_field;          /* out, with ERR_OUT_OF_RANGE: "handle" or "password" */
};

/* ERR_OUT_OF_RANGE (bad_field), ERR_HANDLE_TAKEN, ERR_BUSY: too many passwords wait. */
void enroll_register(struct enroll *e, struct op *asker);
/* ERR_BAD_CREDENTIALS, after the same time for unknown handles; ERR_TOO_MANY_DEVICES, ERR_BUSY. */
void enroll_login(struct enroll *e, struct op *asker);
