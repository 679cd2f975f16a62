/* api/present.h - how accounts, devices, conversations and events look in answers */
#pragma once
#include "api/call.h"
#include "store/account.h"
#include "store/conversation.h"
#include "store/inbox.h"

/* Members of the open object. */
void present_account(struct json *j, const struct account *a);
void present_device(struct json *j, const struct device *d, struct device_id current);
void present_conversation(struct json *j, const struct conversation *c);
void present_time(struct json *j, const char *name, uint64_t unix_ms);
void present_cursor(struct json *j, const char *name, uint64_t timeline, struct inbox_seq i);
/* One item of the open array: an event; i of 0: as history shows it. */
void present_event(struct json *j, struct inbox_seq i, const struct event *e);
void present_encoded(struct json *j, struct inbox_seq i, struct text encoded);
