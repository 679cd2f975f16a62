/* model/handle.c - one form for each name, however it was typed (utf8proc) */
#include "model/handle.h"
#include <stdlib.h>
#include <utf8proc.h>

enum handle_class { HANDLE_REFUSED, HANDLE_LETTER, HANDLE_MARK, HANDLE_PUNCTUATION };

static enum handle_class handle_classify(utf8proc_int32_t c)
{
    if (c == '.' || c == '_' || c == '-')
        return HANDLE_PUNCTUATION;
    utf8proc_category_t category = utf8proc_category(c);
    if (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO)
        return HANDLE_LETTER;
    if (category == UTF8PROC_CATEGORY_ND)
        return HANDLE_LETTER;
    if (category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_MC)
        return HANDLE_MARK;
    return HANDLE_REFUSED;
}

/* Begins and ends with a letter or digit; marks only follow something. */
static bool handle_is_legal(const char *at, size_t bytes)
{
    enum handle_class last = HANDLE_REFUSED;

    for (size_t k = 0; k < bytes;) {
        utf8proc_int32_t c;
        utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)at + k, (utf8proc_ssize_t)(bytes - k), &c);
        if (n <= 0)
            return false;
        enum handle_class class = handle_classify(c);
        bool is_first = k == 0;
        if (class == HANDLE_REFUSED || (is_first && class != HANDLE_LETTER))
            return false;
        if (class == HANDLE_MARK && last == HANDLE_PUNCTUATION)
            return false;
        last = class;
        k += (size_t)n;
    }
    return last == HANDLE_LETTER || last == HANDLE_MARK;
}

/* t normalised into malloc'ed memory, *bytes long; NULL when it is not UTF-8. */
static char *handle_map(struct text t, utf8proc_option_t options, size_t *bytes)
{
    utf8proc_uint8_t *made = NULL;
    utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)t.at, (utf8proc_ssize_t)t.bytes, &made,
                                      options | UTF8PROC_STABLE);

    if (n < 0)
        return NULL;
    *bytes = (size_t)n;
    return (char *)made;
}

enum err handle_canonical(struct text typed, char into[static LIMIT_HANDLE_BYTES + 1])
{
    const utf8proc_option_t nfkc = UTF8PROC_COMPOSE | UTF8PROC_COMPAT;
    size_t bytes = 0;

    into[0] = 0;
    if (typed.bytes == 0 || typed.bytes > 4 * LIMIT_HANDLE_BYTES || memchr(typed.at, 0, typed.bytes))
        return ERR_OUT_OF_RANGE;
    char *folded = handle_map(typed, nfkc | UTF8PROC_CASEFOLD, &bytes);
    if (!folded)
        return ERR_OUT_OF_RANGE;
    char *made = handle_map((struct text){ folded, bytes }, nfkc, &bytes);
    free(folded);
    if (!made)
        return ERR_OUT_OF_RANGE;
    enum err err = ERR_OUT_OF_RANGE;
    if (bytes > 0 && bytes <= LIMIT_HANDLE_BYTES && handle_is_legal(made, bytes)) {
        memcpy(into, made, bytes);
        into[bytes] = 0;
        err = ERR_OK;
    }
    free(made);
    return err;
}

enum err handle_password(struct text typed, char into[static LIMIT_PASSWORD_BYTES + 1])
{
    size_t bytes = 0;

    into[0] = 0;
    if (typed.bytes == 0 || typed.bytes > 4 * LIMIT_PASSWORD_BYTES || memchr(typed.at, 0, typed.bytes))
        return ERR_OUT_OF_RANGE;
    char *made = handle_map(typed, UTF8PROC_COMPOSE | UTF8PROC_COMPAT, &bytes);
    if (!made)
        return ERR_OUT_OF_RANGE;
    enum err err = ERR_OUT_OF_RANGE;
    if (bytes >= LIMIT_PASSWORD_BYTES_MIN && bytes <= LIMIT_PASSWORD_BYTES) {
        memcpy(into, made, bytes);
        into[bytes] = 0;
        err = ERR_OK;
    }
    memset(made, 0, bytes);
    free(made);
    return err;
}
