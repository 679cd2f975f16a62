/* check/devices.c - found again by user and device id */
#include "check/devices.h"
#include <stdlib.h>

static uint32_t devices_find(const struct devices *d, uint64_t user, uint64_t id)
{
    size_t at = SIZE_MAX;
    uint32_t n;

    do
        n = index_find(&d->index, index_hash(user, id), &at);
    while (n != INDEX_NONE && (d->device[n].user != user || d->device[n].id != id));
    return n;
}

uint32_t devices_add(struct devices *d, const struct database *base, const struct history_record *r)
{
    uint32_t n = devices_find(d, r->user, r->id);

    if (n == INDEX_NONE) {
        d->device = database_more(d->device, d->count, &d->room, sizeof *d->device);
        n = (uint32_t)d->count++;
        d->device[n] = (struct device){ .user = r->user, .id = r->id, .inbox = database_user(base, r->user) };
        index_put(&d->index, index_hash(r->user, r->id), n);
    }
    /* A process that was killed closed nothing. */
    d->device[n].open = 0;
    d->of_file = database_more(d->of_file, d->of_files, &d->of_room, sizeof *d->of_file);
    d->of_file[d->of_files++] = n;
    return n;
}

void devices_fini(struct devices *d)
{
    for (size_t n = 0; n < d->count; n++)
        free(d->device[n].seen);
    free(d->device);
    free(d->of_file);
    index_fini(&d->index);
    *d = (struct devices){ 0 };
}
