/* api/handlers.h - the handlers of the verb table; each is the first step of a call's own story */
#pragma once
#include "api/call.h"

/* accounts.c */
op_step accounts_register, accounts_login;
/* devices.c */
op_step devices_list, devices_logout, devices_revoke;
/* users.c */
op_step users_by_handle, users_by_id, users_rename;
/* conversations.c */
op_step conversations_create, conversations_get;
/* groups.c */
op_step groups_retitle, groups_members, groups_put_member, groups_remove_member;
/* messages.c */
op_step messages_send, messages_history, messages_mark;
/* typing.c */
op_step typing_post;
/* snapshot.c */
op_step snapshot_get;
/* events.c */
op_step events_get;
/* batch.c */
op_step batch_post;
/* discover.c */
op_step discover_get;
