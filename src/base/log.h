/* base/log.h - one line an event, key=value, floods counted instead of printed */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* The one writable global of the program. */
extern enum log_level log_level;

/* Writes "time level event key=value ..." to stderr. event is a word; format holds key=value pairs
 * made by the caller, with values that need no quoting (numbers, ids, codes) or that went through
 * log_quoted(). Never texts of users, tokens or keys. At most 1,000 lines a second; what is beyond
 * is counted and reported as one line. At most 2 KiB a line. */
void log_line(enum log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* s as a double-quoted, escaped string in into (cut to fit); returns into. */
const char *log_quoted(char *into, uint32_t into_bytes, const char *s);
