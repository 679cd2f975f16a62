/* model/handle.c - one spelling for each name and password, whatever the keyboard made of it */
#include "model/handle.h"
#include "base/secret.h"
#include <stdlib.h>
#include <utf8proc.h>

/* Canonical forms may be shorter than what was typed (a mathematical letter has four bytes, its plain form
 * one), never by more than this. */
enum { HANDLE_SHRINKS = 4, HANDLE_ROUNDS = 4 };

enum { HANDLE_NFKC = UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_COMPOSE };

static struct text handle_map(struct text t, int options)
{
    utf8proc_uint8_t *at = NULL;
    utf8proc_ssize_t bytes = utf8proc_map((const utf8proc_uint8_t *)t.at, (utf8proc_ssize_t)t.bytes, &at,
                                          (utf8proc_option_t)options);

    CHECK(bytes != UTF8PROC_ERROR_NOMEM);
    return bytes < 0 ? (struct text){ NULL, 0 } : (struct text){ (char *)at, (size_t)bytes };
}

static void handle_forget(struct text t)
{
    if (t.at)
        secret_wipe((void *)t.at, t.bytes);
    free((void *)t.at);
}

/* Case folding can undo a composition and composition can make a letter that folds, so both go on until
 * nothing changes: only such a form is the same for all who type it. at NULL: there is none. */
static struct text handle_fold(struct text typed)
{
    struct text now = handle_map(typed, HANDLE_NFKC);

    for (int round = 0; now.at && round < HANDLE_ROUNDS; round++) {
        struct text folded = handle_map(now, HANDLE_NFKC | UTF8PROC_CASEFOLD);
        struct text next = folded.at ? handle_map(folded, HANDLE_NFKC) : folded;
        bool is_stable = next.at && text_equal(now, next);
        if (folded.at)
            free((void *)folded.at);
        free((void *)now.at);
        now = next;
        if (is_stable)
            return now;
    }
    free((void *)now.at);
    return (struct text){ NULL, 0 };
}

enum handle_char { HANDLE_LETTER, HANDLE_MARK, HANDLE_PUNCTUATION, HANDLE_REFUSED };

static enum handle_char handle_char(utf8proc_int32_t c)
{
    if (c == '.' || c == '_' || c == '-')
        return HANDLE_PUNCTUATION;
    /* letters and marks that show nothing would make two names look like one */
    if (utf8proc_get_property(c)->ignorable)
        return HANDLE_REFUSED;
    utf8proc_category_t category = utf8proc_category(c);
    if (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO)
        return HANDLE_LETTER;
    if (category >= UTF8PROC_CATEGORY_MN && category <= UTF8PROC_CATEGORY_ME)
        return HANDLE_MARK;
    return category == UTF8PROC_CATEGORY_ND ? HANDLE_LETTER : HANDLE_REFUSED;
}

static bool handle_is_allowed(struct text t)
{
    enum handle_char last = HANDLE_PUNCTUATION;
    size_t done = 0;

    while (done < t.bytes) {
        utf8proc_int32_t c;
        utf8proc_ssize_t n =
            utf8proc_iterate((const utf8proc_uint8_t *)t.at + done, (utf8proc_ssize_t)(t.bytes - done), &c);
        if (n <= 0)
            return false;
        enum handle_char what = handle_char(c);
        if (what == HANDLE_REFUSED || (done == 0 && what != HANDLE_LETTER) ||
            (what == HANDLE_MARK && last == HANDLE_PUNCTUATION))
            return false;
        last = what;
        done += (size_t)n;
    }
    return last != HANDLE_PUNCTUATION;
}

enum err handle_canonical(struct text typed, char into[static LIMIT_HANDLE_BYTES + 1])
{
    into[0] = 0;
    if (typed.bytes == 0 || typed.bytes > HANDLE_SHRINKS * LIMIT_HANDLE_BYTES)
        return ERR_OUT_OF_RANGE;
    struct text folded = handle_fold(typed);
    bool is_good = folded.at && folded.bytes <= LIMIT_HANDLE_BYTES && handle_is_allowed(folded);
    if (is_good) {
        memcpy(into, folded.at, folded.bytes);
        into[folded.bytes] = 0;
    }
    free((void *)folded.at);
    return is_good ? ERR_OK : ERR_OUT_OF_RANGE;
}

enum err handle_password(struct text typed, char into[static LIMIT_PASSWORD_BYTES + 1])
{
    into[0] = 0;
    if (typed.bytes == 0 || typed.bytes > HANDLE_SHRINKS * LIMIT_PASSWORD_BYTES)
        return ERR_OUT_OF_RANGE;
    struct text plain = handle_map(typed, HANDLE_NFKC);
    bool is_good = plain.at && plain.bytes >= LIMIT_PASSWORD_BYTES_MIN &&
                   plain.bytes <= LIMIT_PASSWORD_BYTES && !memchr(plain.at, 0, plain.bytes);
    if (is_good) {
        memcpy(into, plain.at, plain.bytes);
        into[plain.bytes] = 0;
    }
    handle_forget(plain);
    return is_good ? ERR_OK : ERR_OUT_OF_RANGE;
}
