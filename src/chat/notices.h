/* chat/notices.h - what an operation leaves behind for the ones it concerns: "user U has i" */
#pragma once
#include "base/blob.h"
#include "model/members.h"

/* One event in the inboxes of many. Told to live after the commit, never before. */
struct notices {
    struct members *members;        /* NULL: nobody hears of it */
    struct inbox_seq *i;            /* of members->member[k]; lives as long as this */
    struct blob *encoded;           /* the event, without its "i"; NULL: it stands already, i is not known, and nobody
                                     * knows whether they were told */
};
