/* base/config.c - config.def as a table: defaults, file, environment; what is unknown is refused */
#include "base/config.h"
#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

extern char **environ;

enum { CONFIG_TEXT_MAX = 512, CONFIG_FILE_MAX = 64 * 1024 };

struct config_setting {
    const char *section, *name, *doc, *initial_text;
    int64_t initial, least, most;
    size_t offset;
    bool is_text;
};

static const struct config_setting config_settings[] = {
#define S(section, name, initial, doc)                                                                       \
    { #section, #name, doc, initial, 0, 0, 0, offsetof(struct config, section##_##name), true },
#define N(section, name, initial, least, most, doc)                                                          \
    { #section, #name, doc, NULL, initial, least, most, offsetof(struct config, section##_##name), false },
#include "base/config.def"
#undef S
#undef N
};
enum { CONFIG_SETTINGS = sizeof config_settings / sizeof *config_settings };

/* A text on its way through inih. We hand it the lines, so that we know which one is wrong, and so that a line
 * that inih has no room for is refused and not cut. */
struct config_reading {
    struct config *config;
    struct config_error *why;
    const char *from; /* the file, for people */
    const char *at, *end; /* what is still to read */
    int line;
    bool has_failed;
    bool is_set[CONFIG_SETTINGS];
};

static char *config_text(struct config *c, const struct config_setting *s)
{
    return (char *)c + s->offset;
}

static void config_defaults(struct config *c)
{
    *c = (struct config){ 0 };
    for (size_t k = 0; k < CONFIG_SETTINGS; k++) {
        const struct config_setting *s = &config_settings[k];
        if (s->is_text)
            snprintf(config_text(c, s), CONFIG_TEXT_MAX, "%s", s->initial_text);
        else
            memcpy(config_text(c, s), &s->initial, sizeof s->initial);
    }
}

static bool config_number(const char *value, int64_t *n)
{
    char *end;

    if (!isdigit((unsigned char)*value) && *value != '-')
        return false;
    errno = 0;
    *n = strtoll(value, &end, 10);
    return errno == 0 && *end == 0;
}

/* One value into its place. */
static enum err config_set(struct config *c, const struct config_setting *s, const char *value,
                           struct config_error *why)
{
    int64_t n;

    if (s->is_text) {
        if (strlen(value) >= CONFIG_TEXT_MAX) {
            snprintf(why->text, sizeof why->text, "%s.%s is longer than %d bytes", s->section, s->name,
                     CONFIG_TEXT_MAX - 1);
            return ERR_BAD_REQUEST;
        }
        snprintf(config_text(c, s), CONFIG_TEXT_MAX, "%s", value);
        return ERR_OK;
    }
    if (!config_number(value, &n) || n < s->least || n > s->most) {
        snprintf(why->text, sizeof why->text, "%s.%s must be a whole number from %" PRId64 " to %" PRId64,
                 s->section, s->name, s->least, s->most);
        return ERR_BAD_REQUEST;
    }
    memcpy(config_text(c, s), &n, sizeof n);
    return ERR_OK;
}

static void config_wrong(struct config_reading *r, const char *what)
{
    if (!r->has_failed)
        snprintf(r->why->text, sizeof r->why->text, "%.200s:%d: %.250s", r->from, r->line, what);
    r->has_failed = true;
}

/* inih's reader, shaped like fgets(). */
static char *config_next_line(char *into, int room, void *ctx)
{
    struct config_reading *r = ctx;
    size_t left = (size_t)(r->end - r->at);
    const char *newline = left ? memchr(r->at, '\n', left) : NULL;
    size_t bytes = newline ? (size_t)(newline - r->at) + 1 : left;
    char what[80];

    if (left == 0 || r->has_failed)
        return NULL;
    r->line++;
    if (bytes >= (size_t)room && (*r->at == '#' || *r->at == ';')) { /* a comment may be of any length */
        r->at += bytes;
        memcpy(into, "#\n", 3);
        return into;
    }
    if (bytes >= (size_t)room) {
        snprintf(what, sizeof what, "a line is longer than %d bytes (the environment has room)", room - 2);
        config_wrong(r, what);
        return NULL;
    }
    memcpy(into, r->at, bytes);
    into[bytes] = 0;
    r->at += bytes;
    return into;
}

static int config_line(void *ctx, const char *section, const char *name, const char *value)
{
    struct config_reading *r = ctx;
    struct config_error what;

    for (size_t k = 0; k < CONFIG_SETTINGS; k++) {
        const struct config_setting *s = &config_settings[k];
        if (strcmp(s->section, section) != 0 || strcmp(s->name, name) != 0)
            continue;
        if (r->is_set[k]) {
            snprintf(what.text, sizeof what.text, "%s.%s is set twice", section, name);
            config_wrong(r, what.text);
        } else if (config_set(r->config, s, value, &what)) {
            config_wrong(r, what.text);
        }
        r->is_set[k] = true;
        return !r->has_failed;
    }
    snprintf(what.text, sizeof what.text, "unknown setting %.60s.%.60s", section, name);
    config_wrong(r, what.text);
    return 0;
}

static enum err config_parse_from(struct config *c, const char *text, size_t bytes, const char *from,
                                  struct config_error *why)
{
    struct config_reading r = { .config = c, .why = why, .from = from, .at = text, .end = text + bytes };

    if (bytes > CONFIG_FILE_MAX || (bytes && memchr(text, 0, bytes))) {
        snprintf(why->text, sizeof why->text, "%.200s: not a text of at most %d bytes", from,
                 CONFIG_FILE_MAX);
        return ERR_BAD_REQUEST;
    }
    r.line = ini_parse_stream(config_next_line, &r, config_line, &r);
    if (r.line)
        config_wrong(&r, "neither [section] nor name = value");
    return r.has_failed ? ERR_BAD_REQUEST : ERR_OK;
}

enum err config_parse(struct config *c, const char *text, size_t bytes, struct config_error *why)
{
    config_defaults(c);
    return config_parse_from(c, text, bytes, "configuration", why);
}

static enum err config_file(struct config *c, const char *path, struct config_error *why)
{
    FILE *f = fopen(path, "re");

    if (!f) {
        snprintf(why->text, sizeof why->text, "%.200s: %s", path, strerror(errno));
        return ERR_BAD_REQUEST;
    }
    char *text = malloc(CONFIG_FILE_MAX + 1);
    CHECK(text);
    size_t bytes = fread(text, 1, CONFIG_FILE_MAX + 1, f);
    enum err err = ERR_BAD_REQUEST;
    if (ferror(f))
        snprintf(why->text, sizeof why->text, "%.200s: %s", path, strerror(errno));
    else
        err = config_parse_from(c, text, bytes, path, why);
    fclose(f);
    free(text);
    return err;
}

/* Whether variable, up to its '=', is POSTHORN_<SECTION>_<NAME> of s. */
static bool config_is_variable(const struct config_setting *s, const char *variable, size_t bytes)
{
    char wanted[128];
    int n = snprintf(wanted, sizeof wanted, "POSTHORN_%s_%s", s->section, s->name);

    CHECK(n > 0 && (size_t)n < sizeof wanted);
    for (char *p = wanted; *p; p++)
        *p = (char)toupper((unsigned char)*p);
    return (size_t)n == bytes && memcmp(wanted, variable, bytes) == 0;
}

/* Variables of the client (POSTHORN_CLIENT_...) are not ours. */
static enum err config_variable(struct config *c, const char *variable, struct config_error *why)
{
    static const char ours[] = "POSTHORN_", clients[] = "POSTHORN_CLIENT_";
    const char *equals = strchr(variable, '=');
    struct config_error what;

    if (!equals || strncmp(variable, ours, sizeof ours - 1) != 0 ||
        strncmp(variable, clients, sizeof clients - 1) == 0)
        return ERR_OK;
    size_t bytes = (size_t)(equals - variable);
    for (size_t k = 0; k < CONFIG_SETTINGS; k++) {
        if (!config_is_variable(&config_settings[k], variable, bytes))
            continue;
        enum err err = config_set(c, &config_settings[k], equals + 1, &what);
        if (err)
            snprintf(why->text, sizeof why->text, "environment: %.250s", what.text);
        return err;
    }
    snprintf(why->text, sizeof why->text, "environment: unknown setting %.*s",
             (int)(bytes > 200 ? 200 : bytes), variable);
    return ERR_BAD_REQUEST;
}

enum err config_read(struct config *c, const char *path, struct config_error *why)
{
    config_defaults(c);
    enum err err = path ? config_file(c, path, why) : ERR_OK;
    for (char **variable = environ; !err && *variable; variable++)
        err = config_variable(c, *variable, why);
    return err;
}

void config_print(const struct config *c, FILE *to)
{
    const char *section = "";

    for (size_t k = 0; k < CONFIG_SETTINGS; k++) {
        const struct config_setting *s = &config_settings[k];
        const char *at = (const char *)c + s->offset;
        if (strcmp(section, s->section) != 0)
            fprintf(to, "%s[%s]\n", k ? "\n" : "", s->section);
        section = s->section;
        if (s->is_text) {
            fprintf(to, "# %s (default \"%s\")\n%s = %s\n", s->doc, s->initial_text, s->name, at);
        } else {
            int64_t n;
            memcpy(&n, at, sizeof n);
            fprintf(to, "# %s (%" PRId64 "..%" PRId64 ", default %" PRId64 ")\n%s = %" PRId64 "\n", s->doc,
                    s->least, s->most, s->initial, s->name, n);
        }
    }
}
