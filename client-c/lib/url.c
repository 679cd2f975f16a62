/* lib/url.c - a server's address: http or https, host, port */
#include "lib/url.h"
#include <arpa/inet.h>
#include <string.h>

static const char name_bytes[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";

static bool read_port(struct url *u, const char *text)
{
    size_t bytes = strlen(text);
    if (bytes == 0 || bytes > 5 || strspn(text, "0123456789") != bytes)
        return false;
    long port = strtol(text, NULL, 10);
    snprintf(u->port, sizeof u->port, "%u", (unsigned)port & 0xffffu);
    return port >= 1 && port <= 65535;
}

/* "[::1]" or "name" at the start of text; *rest is what follows. */
static bool read_host(struct url *u, const char *text, const char **rest)
{
    size_t bytes;
    bool is_bracketed = *text == '[';
    if (is_bracketed) {
        const char *end = strchr(++text, ']');
        if (!end)
            return false;
        bytes = (size_t)(end - text);
        *rest = end + 1;
    } else {
        bytes = strspn(text, name_bytes);
        *rest = text + bytes;
    }
    if (bytes == 0 || bytes >= sizeof u->host)
        return false;
    memcpy(u->host, text, bytes);
    u->host[bytes] = 0;
    struct in6_addr v6;
    return !is_bracketed || inet_pton(AF_INET6, u->host, &v6) == 1;
}

/* What may follow the host: nothing, or a port, and a slash at the end. */
static bool read_rest(struct url *u, const char *rest)
{
    char port[8] = "";
    size_t bytes = strlen(rest);
    if (bytes && rest[bytes - 1] == '/')
        bytes--;
    if (bytes == 0) {
        snprintf(u->port, sizeof u->port, "%s", u->is_tls ? "443" : "80");
        return true;
    }
    if (rest[0] != ':' || bytes > sizeof port)
        return false;
    memcpy(port, rest + 1, bytes - 1);
    return read_port(u, port);
}

bool url_read(struct url *u, const char *text)
{
    *u = (struct url){ .is_tls = true };
    if (strncmp(text, "http://", 7) == 0) {
        u->is_tls = false;
        text += 7;
    } else if (strncmp(text, "https://", 8) == 0) {
        text += 8;
    }
    const char *rest;
    if (!read_host(u, text, &rest) || !read_rest(u, rest))
        return false;
    bool is_v6 = strchr(u->host, ':') != NULL;
    bool is_default = strcmp(u->port, u->is_tls ? "443" : "80") == 0;
    snprintf(u->authority, sizeof u->authority, "%s%s%s%s%s", is_v6 ? "[" : "", u->host, is_v6 ? "]" : "",
             is_default ? "" : ":", is_default ? "" : u->port);
    return true;
}
