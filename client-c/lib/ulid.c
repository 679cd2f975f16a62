/* lib/ulid.c - keys of messages: ULIDs, rising within a process */
#include "lib/ulid.h"
#include "lib/clock.h"
#include <string.h>

static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* Counts the random part up; an overflow borrows the next millisecond. */
static void count_up(struct ulid_source *s)
{
    for (int i = 9; i >= 0; i--)
        if (++s->random[i] != 0)
            return;
    s->ms++;
}

void ulid_make(struct ulid_source *s, char into[static ULID_BYTES + 1])
{
    uint64_t now = clock_unix_ms();
    if (now > s->ms) {
        s->ms = now;
        clock_random(s->random, sizeof s->random);
        s->random[0] &= 0x7f; /* room to count up */
    } else {
        count_up(s); /* same millisecond, or the clock went back */
    }
    uint8_t all[16];
    for (int i = 0; i < 6; i++)
        all[i] = (uint8_t)(s->ms >> (40 - 8 * i));
    memcpy(all + 6, s->random, 10);
    __extension__ unsigned __int128 value = 0;
    for (int i = 0; i < 16; i++)
        value = value << 8 | all[i];
    for (int i = ULID_BYTES - 1; i >= 0; i--, value >>= 5)
        into[i] = digits[(unsigned)(value & 31)];
    into[ULID_BYTES] = 0;
}

bool ulid_is(const char *text)
{
    return strlen(text) == ULID_BYTES && strspn(text, digits) == ULID_BYTES && text[0] <= '7';
}
