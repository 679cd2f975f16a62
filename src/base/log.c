/* base/log.c - one line an event to stderr, with a bound on lines a second */
#include "base/log.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LOG_LINE_MAX = 2048, LOG_LINES_PER_SECOND = 1000 };

enum log_level log_level = LOG_INFO;

/* What this second's lines add up to: the flood guard, the log's only memory. */
static struct {
    time_t second;
    uint32_t lines, dropped;
} log_flood;

static const char *const log_words[] = { "debug", "info", "warn", "error" };

/* One line stays one line, whatever a value that nobody quoted holds. */
static void log_write(char *line, size_t bytes)
{
    for (size_t k = 0; k < bytes; k++)
        if ((unsigned char)line[k] < 0x20 || line[k] == 0x7f)
            line[k] = ' ';
    if (bytes > LOG_LINE_MAX - 1)
        bytes = LOG_LINE_MAX - 1;
    line[bytes] = '\n';
    ssize_t written = write(STDERR_FILENO, line, bytes + 1);
    (void)written; /* a full disk must not stop the chat */
}

static size_t log_head(char *line, struct timespec now, enum log_level level, const char *event)
{
    struct tm tm;

    gmtime_r(&now.tv_sec, &tm);
    size_t n = strftime(line, LOG_LINE_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
    n += (size_t)snprintf(line + n, LOG_LINE_MAX - n, ".%03ldZ %s %s", now.tv_nsec / 1000000,
                          log_words[level], event);
    return n < LOG_LINE_MAX ? n : LOG_LINE_MAX - 1;
}

/* Whether this line may be printed; the first line of a second tells what the last one swallowed. */
static bool log_may(struct timespec now)
{
    if (now.tv_sec != log_flood.second) {
        uint32_t dropped = log_flood.dropped;
        log_flood.second = now.tv_sec;
        log_flood.lines = 0;
        log_flood.dropped = 0;
        if (dropped) {
            char line[LOG_LINE_MAX];
            size_t n = log_head(line, now, LOG_WARN, "log_flood");
            n += (size_t)snprintf(line + n, LOG_LINE_MAX - n, " dropped=%" PRIu32, dropped);
            log_write(line, n);
        }
    }
    if (log_flood.lines >= LOG_LINES_PER_SECOND) {
        log_flood.dropped++;
        return false;
    }
    log_flood.lines++;
    return true;
}

void log_line(enum log_level level, const char *event, const char *format, ...)
{
    struct timespec now;
    char line[LOG_LINE_MAX];
    va_list args;

    if (level < log_level)
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    if (!log_may(now))
        return;
    size_t n = log_head(line, now, level, event);
    if (*format && n + 1 < sizeof line) {
        line[n++] = ' ';
        va_start(args, format);
        int more = vsnprintf(line + n, sizeof line - n, format, args);
        va_end(args);
        n += more > 0 ? (size_t)more : 0;
    }
    if (n > sizeof line - 1)
        n = sizeof line - 1;
    log_write(line, n);
}

const char *log_quoted(char *into, uint32_t into_bytes, const char *s)
{
    uint32_t n = 0;

    into[n++] = '"';
    for (; *s && n + 6 < into_bytes; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\') {
            into[n++] = '\\';
            into[n++] = (char)c;
        } else if (c < 0x20 || c >= 0x7f) {
            n += (uint32_t)snprintf(into + n, into_bytes - n, "\\x%02x", c);
        } else {
            into[n++] = (char)c;
        }
    }
    into[n++] = '"';
    into[n] = 0;
    return into;
}
