/* model/handle.h - account names: NFKC, case folded, letters, digits and . _ - */
#pragma once
#include "base/err.h"
#include "base/text.h"
#include "limits.h"

/* The canonical form of what a person typed: NFKC, case fold, NFKC again; ended by 0. Answers
 * ERR_OUT_OF_RANGE when it is empty, longer than LIMIT_HANDLE_BYTES, not UTF-8, begins or ends with
 * punctuation, holds anything but letters, marks, decimal digits and . _ -, a mark that stands on no letter,
 * or a letter or mark that shows nothing (such as U+3164 or U+FE0F). */
MUST_USE enum err handle_canonical(struct text typed, char into[static LIMIT_HANDLE_BYTES + 1]);
/* Passwords compare equal however they were typed: NFKC, then LIMIT_PASSWORD_BYTES_MIN..LIMIT_PASSWORD_BYTES
 * bytes, else ERR_OUT_OF_RANGE. */
MUST_USE enum err handle_password(struct text typed, char into[static LIMIT_PASSWORD_BYTES + 1]);
