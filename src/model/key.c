/* model/key.c - ULIDs: 26 Crockford digits, 130 bits of which the first two are 0 */
#include "model/key.h"
#include "limits.h"

static const char key_digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static int key_digit(char c)
{
    if (c >= 'a' && c <= 'z')
        c = (char)(c - 'a' + 'A');
    const char *at = c ? strchr(key_digits, c) : NULL;
    return at ? (int)(at - key_digits) : -1;
}

enum err key_parse(struct text t, struct key *k)
{
    *k = (struct key){ 0 };
    if (t.bytes != KEY_TEXT_BYTES || key_digit(t.at[0]) > 7)
        return ERR_OUT_OF_RANGE;
    for (size_t n = 0; n < KEY_TEXT_BYTES; n++) {
        int digit = key_digit(t.at[n]);
        if (digit < 0) {
            *k = (struct key){ 0 };
            return ERR_OUT_OF_RANGE;
        }
        k->high = k->high << 5 | k->low >> 59;
        k->low = k->low << 5 | (uint64_t)digit;
    }
    return ERR_OK;
}

void key_print(struct key k, char into[static KEY_TEXT_BYTES + 1])
{
    for (int n = KEY_TEXT_BYTES - 1; n >= 0; n--) {
        into[n] = key_digits[k.low & 31];
        k.low = k.low >> 5 | k.high << 59;
        k.high >>= 5;
    }
    into[KEY_TEXT_BYTES] = 0;
}

uint64_t key_unix_ms(struct key k)
{
    return k.high >> 16;
}

enum err key_check(struct key k, uint64_t now_unix_ms)
{
    const uint64_t window_ms = LIMIT_KEY_WINDOW_DAYS * 24ull * 60 * 60 * 1000;
    uint64_t at = key_unix_ms(k);

    if (at + window_ms < now_unix_ms || at > now_unix_ms + LIMIT_KEY_AHEAD_MS)
        return ERR_STALE_KEY;
    return ERR_OK;
}
