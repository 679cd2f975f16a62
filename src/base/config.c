/* base/config.c - config.def as a table: file, then environment; unknown keys refused */
#include "base/config.h"
#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

extern char **environ;

enum { CONFIG_TEXT_MAX = 512, CONFIG_FILE_MAX = 64 * 1024 };

struct config_setting {
    const char *section, *name, *doc, *initial_text;
    int64_t initial, least, most;
    size_t offset;
    bool is_text;
};

static const struct config_setting config_settings[] = {
#define S(section, name, initial, doc)                                                             \
    { #section, #name, doc, initial, 0, 0, 0, offsetof(struct config, section##_##name), true },
#define N(section, name, initial, least, most, doc)                                                \
    { #section, #name, doc, NULL, initial, least, most, offsetof(struct config, section##_##name), false },
#include "base/config.def"
#undef S
#undef N
};
enum { CONFIG_SETTINGS = sizeof config_settings / sizeof *config_settings };

struct config_reading {
    struct config *config;
    struct config_error *why;
    const char *from;               /* the file, for people */
    bool failed;
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

/* One value into its place; what is wrong goes into why, behind where it stands. */
static enum err config_set(struct config *c, const struct config_setting *s, const char *value,
                           const char *where, struct config_error *why)
{
    int64_t n;

    if (s->is_text) {
        if (strlen(value) >= CONFIG_TEXT_MAX) {
            snprintf(why->text, sizeof why->text, "%s: %s.%s is longer than %d bytes", where, s->section,
                     s->name, CONFIG_TEXT_MAX - 1);
            return ERR_BAD_REQUEST;
        }
        snprintf(config_text(c, s), CONFIG_TEXT_MAX, "%s", value);
        return ERR_OK;
    }
    if (!config_number(value, &n) || n < s->least || n > s->most) {
        snprintf(why->text, sizeof why->text, "%s: %s.%s must be a whole number from %" PRId64 " to %" PRId64,
                 where, s->section, s->name, s->least, s->most);
        return ERR_BAD_REQUEST;
    }
    memcpy(config_text(c, s), &n, sizeof n);
    return ERR_OK;
}

static int config_line(void *ctx, const char *section, const char *name, const char *value)
{
    struct config_reading *r = ctx;

    if (r->failed)
        return 0;
    for (size_t k = 0; k < CONFIG_SETTINGS; k++) {
        const struct config_setting *s = &config_settings[k];
        if (strcmp(s->section, section) == 0 && strcmp(s->name, name) == 0) {
            r->failed = config_set(r->config, s, value ? value : "", r->from, r->why) != ERR_OK;
            return !r->failed;
        }
    }
    snprintf(r->why->text, sizeof r->why->text, "%s: unknown setting %.100s.%.100s", r->from, section, name);
    r->failed = true;
    return 0;
}

static enum err config_parse_from(struct config *c, const char *text, size_t bytes, const char *from,
                                  struct config_error *why)
{
    struct config_reading r = { .config = c, .why = why, .from = from };

    if (bytes > CONFIG_FILE_MAX || memchr(text, 0, bytes)) {
        snprintf(why->text, sizeof why->text, "%s: not a text of at most %d bytes", from, CONFIG_FILE_MAX);
        return ERR_BAD_REQUEST;
    }
    char *copy = malloc(bytes + 1);
    CHECK(copy);
    memcpy(copy, text, bytes);
    copy[bytes] = 0;
    int line = ini_parse_string(copy, config_line, &r);
    free(copy);
    if (line != 0 && !r.failed)
        snprintf(why->text, sizeof why->text, "%s: line %d can't be read", from, line);
    return line == 0 ? ERR_OK : ERR_BAD_REQUEST;
}

enum err config_parse(struct config *c, const char *text, size_t bytes, struct config_error *why)
{
    config_defaults(c);
    return config_parse_from(c, text, bytes, "configuration", why);
}

static enum err config_file(struct config *c, const char *path, struct config_error *why)
{
    char *text = malloc(CONFIG_FILE_MAX + 2);
    FILE *f = fopen(path, "re");

    CHECK(text);
    if (!f) {
        snprintf(why->text, sizeof why->text, "%.200s: %s", path, strerror(errno));
        free(text);
        return ERR_BAD_REQUEST;
    }
    size_t bytes = fread(text, 1, CONFIG_FILE_MAX + 1, f);
    fclose(f);
    enum err err = config_parse_from(c, text, bytes, path, why);
    free(text);
    return err;
}

/* POSTHORN_<SECTION>_<NAME>; variables of the client (POSTHORN_CLIENT_...) are not ours. */
static enum err config_variable(struct config *c, const char *variable, struct config_error *why)
{
    static const char prefix[] = "POSTHORN_", client[] = "POSTHORN_CLIENT_";
    const char *equals = strchr(variable, '=');
    char wanted[128], where[160];

    if (!equals || strncmp(variable, prefix, sizeof prefix - 1) != 0 ||
        strncmp(variable, client, sizeof client - 1) == 0)
        return ERR_OK;
    size_t bytes = (size_t)(equals - variable);
    for (size_t k = 0; k < CONFIG_SETTINGS; k++) {
        const struct config_setting *s = &config_settings[k];
        int n = snprintf(wanted, sizeof wanted, "%s%s_%s", prefix, s->section, s->name);
        if ((size_t)n == bytes && strncasecmp(wanted, variable, bytes) == 0) {
            snprintf(where, sizeof where, "environment");
            return config_set(c, s, equals + 1, where, why);
        }
    }
    snprintf(why->text, sizeof why->text, "environment: unknown setting %.*s", (int)(bytes > 200 ? 200 : bytes),
             variable);
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
