/* cli/profile.c - where things lie (XDG), and what a profile remembers: server, CA file, how to get there */
#include "cli/profile.h"
#include "cli/text.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* $VARIABLE/posthorn, or $HOME/fallback/posthorn. The XDG rules: a relative path is to be ignored. */
static char *xdg(const char *variable, const char *fallback)
{
    const char *set = getenv(variable), *home = getenv("HOME");
    if (set && set[0] == '/')
        return text_format("%s/posthorn", set);
    return home && home[0] == '/' ? text_format("%s/%s/posthorn", home, fallback) : NULL;
}

static bool is_name(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    size_t n = strlen(name);
    return n >= 1 && n <= 64 && name[0] != '.' && strspn(name, allowed) == n;
}

void profile_set(char **field, const char *value)
{
    if (!value)
        return;
    char *copy = text_copy(value);
    free(*field);
    *field = copy;
}

/* NULL: nothing has this name. */
static char **field_of(struct profile *p, const char *key)
{
    const struct {
        const char *key;
        char **field;
    } known[] = { { "server", &p->server },
                  { "ca", &p->ca },
                  { "http", &p->http },
                  { "transport", &p->transport },
                  { "proxy", &p->proxy } };
    for (size_t n = 0; n < sizeof known / sizeof known[0]; n++)
        if (strcmp(known[n].key, key) == 0)
            return known[n].field;
    return NULL;
}

static bool read_line(struct profile *p, char *line)
{
    line[strcspn(line, "\r\n")] = 0;
    char *key = line + strspn(line, " \t");
    if (*key == 0 || *key == '#')
        return true;
    char *equals = strchr(key, '=');
    if (!equals)
        return false;
    char *value = equals + 1 + strspn(equals + 1, " \t");
    while (equals > key && (equals[-1] == ' ' || equals[-1] == '\t'))
        equals--;
    *equals = 0;
    char **field = field_of(p, key);
    if (field)
        profile_set(field, value);
    return field != NULL;
}

static bool read_file(struct profile *p, char *why, size_t why_bytes)
{
    FILE *from = fopen(p->config_path, "re");
    if (!from)
        return errno == ENOENT ||
               (snprintf(why, why_bytes, "%s: %s", p->config_path, strerror(errno)), false);
    char line[PATH_MAX + 64];
    bool is_read = true;
    for (unsigned n = 1; is_read && fgets(line, sizeof line, from); n++) {
        is_read = read_line(p, line);
        if (!is_read)
            snprintf(why, why_bytes,
                     "%s:%u: only server, ca, http, transport and proxy = value can stand here",
                     p->config_path, n);
    }
    fclose(from);
    return is_read;
}

bool profile_load(struct profile *p, const char *name, char *why, size_t why_bytes)
{
    *p = (struct profile){ 0 };
    if (!is_name(name)) {
        snprintf(why, why_bytes, "a profile's name is made of letters, digits, - _ and .");
        return false;
    }
    char *config = xdg("XDG_CONFIG_HOME", ".config"), *state = xdg("XDG_STATE_HOME", ".local/state");
    bool has_home = config && state;
    if (has_home) {
        p->name = text_copy(name);
        p->config_path = text_format("%s/%s.conf", config, name);
        p->state_dir = text_format("%s/%s", state, name);
    } else {
        snprintf(why, why_bytes, "HOME is not set");
    }
    free(config);
    free(state);
    return has_home && read_file(p, why, why_bytes);
}

/* The directories above a file, 0700. */
static void make_parents(const char *path)
{
    char *part = text_copy(path);
    for (char *at = part + 1; *at; at++) {
        if (*at != '/')
            continue;
        *at = 0;
        mkdir(part, 0700); /* a failure shows when the file is opened */
        *at = '/';
    }
    free(part);
}

bool profile_save(struct profile *p, char *why, size_t why_bytes)
{
    char *absolute = p->ca ? realpath(p->ca, NULL) : NULL;
    profile_set(&p->ca, absolute);
    free(absolute);
    make_parents(p->config_path);
    char *fresh = text_format("%s.%ld.new", p->config_path, (long)getpid());
    FILE *to = fopen(fresh, "we");
    if (to) {
        fchmod(fileno(to), 0600);
        fprintf(to, "server = %s\n", p->server);
        if (p->ca)
            fprintf(to, "ca = %s\n", p->ca);
        if (p->http)
            fprintf(to, "http = %s\n", p->http);
        if (p->transport)
            fprintf(to, "transport = %s\n", p->transport);
        if (p->proxy)
            fprintf(to, "proxy = %s\n", p->proxy);
    }
    bool is_saved = to && fclose(to) == 0 && rename(fresh, p->config_path) == 0;
    if (!is_saved)
        snprintf(why, why_bytes, "%s: %s", p->config_path, strerror(errno));
    free(fresh);
    return is_saved;
}

void profile_fini(struct profile *p)
{
    free(p->name);
    free(p->config_path);
    free(p->state_dir);
    free(p->server);
    free(p->ca);
    free(p->http);
    free(p->transport);
    free(p->proxy);
    *p = (struct profile){ 0 };
}
