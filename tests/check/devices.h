/* check/devices.h - the devices of all histories, each once, whatever files it is in */
#pragma once
#include "check/database.h"
#include "check/history.h"

enum { DEVICES_OPEN = 16 };         /* ways that one device has open at once */

struct device {
    uint64_t user, id;
    const struct database_user *inbox;      /* NULL: has no mailbox */
    bool is_gone, has_opened, is_resynced, has_start;
    bool asks_at_times;             /* receives by polls with pauses: late is no word for what it gets */
    uint64_t start;                 /* i of the lowest cursor it ever opened a way at: everything behind it must come */
    uint64_t newest_ns;             /* of its last record */
    uint64_t now_ns;                /* when it first opened a way wherever the head was; 0: never */
    uint64_t *seen;                 /* a bit for each row of the inbox */
    uint32_t open;
    struct {
        uint64_t connection, next;  /* next: the i that must come; HISTORY_NOW: any */
    } way[DEVICES_OPEN];
};

struct devices {
    struct device *device;
    size_t count, room;
    struct index index;
    uint32_t *of_file;              /* of the numbers of the file that is read */
    size_t of_files, of_room;
};

/* A record of HISTORY_DEVICE; answers its place. */
uint32_t devices_add(struct devices *d, const struct database *base, const struct history_record *r);
/* A new file begins: its numbers begin again. */
static inline void devices_next_file(struct devices *d)
{
    d->of_files = 0;
}
/* The device of a record of the file that is read. */
static inline struct device *devices_of(const struct devices *d, const struct history_record *r)
{
    return &d->device[d->of_file[r->device]];
}
void devices_fini(struct devices *d);
