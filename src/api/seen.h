/* api/seen.h - what devices have taken, gathered here and written every second or so */
#pragma once
#include "base/loop.h"
#include "store/account.h"

struct seen;

struct seen *seen_new(struct loop *l, struct ops *ops, struct store *store);
void seen_free(struct seen **s);
/* The device was here; it asked for what is behind i, so it has everything up to it (0: it says nothing of it).
 * The maximum stays. At most SEEN_MAX devices are kept between two writes; more are forgotten: they ask again. */
void seen_note(struct seen *s, struct user_id user, struct device_id device, struct inbox_seq i);
