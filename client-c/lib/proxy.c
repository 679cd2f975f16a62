/* lib/proxy.c - an HTTP proxy on the way: which one, and what is said to it */
#include "lib/proxy.h"
#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

static int digit_of(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* Undoes percent-encoding; false: broken, or too long. */
static bool decode(const char *from, size_t bytes, char *into, size_t room)
{
    size_t count = 0;
    for (size_t n = 0; n < bytes; n++) {
        int c = from[n];
        if (c == '%') {
            if (n + 2 >= bytes || digit_of(from[n + 1]) < 0 || digit_of(from[n + 2]) < 0)
                return false;
            c = digit_of(from[n + 1]) * 16 + digit_of(from[n + 2]);
            n += 2;
        }
        if (count + 1 >= room || c == 0)
            return false;
        into[count++] = (char)c;
    }
    into[count] = 0;
    return true;
}

static bool read_user(struct proxy *p, const char *text, size_t bytes)
{
    char plain[256];
    unsigned char coded[360];
    if (!decode(text, bytes, plain, sizeof plain))
        return false;
    size_t length = strlen(plain);
    if (!memchr(text, ':', bytes) && length + 1 < sizeof plain)
        memcpy(plain + length++, ":", 2);
    EVP_EncodeBlock(coded, (const unsigned char *)plain, (int)length);
    snprintf(p->authorization, sizeof p->authorization, "Basic %s", (const char *)coded);
    explicit_bzero(plain, sizeof plain);
    explicit_bzero(coded, sizeof coded);
    return true;
}

bool proxy_read(struct proxy *p, const char *url, char *why, size_t why_bytes)
{
    *p = (struct proxy){ .is_used = true };
    snprintf(why, why_bytes, "the proxy's address must be http://[user:password@]host:port");
    const char *scheme = strstr(url, "://");
    if (scheme && strncasecmp(url, "http://", 7) != 0) {
        snprintf(why, why_bytes, "proxies of the kind %.*s:// can't be used, only http://",
                 scheme - url > 20 ? 20 : (int)(scheme - url), url);
        return false;
    }
    const char *rest = scheme ? scheme + 3 : url, *at = strrchr(rest, '@');
    if (at && !read_user(p, rest, (size_t)(at - rest)))
        return false;
    char address[300];
    struct url u;
    int bytes = snprintf(address, sizeof address, "http://%s", at ? at + 1 : rest);
    if (bytes < 0 || (size_t)bytes >= sizeof address || !url_read(&u, address))
        return false;
    memcpy(p->host, u.host, sizeof p->host);
    memcpy(p->port, u.port, sizeof p->port);
    why[0] = 0;
    return true;
}

static bool is_named(const char *word, size_t bytes, const char *host)
{
    size_t length = strlen(host);
    if (bytes == 1 && *word == '*')
        return true;
    while (bytes && (*word == '.' || *word == '*')) { /* ".example", "*.example" */
        word++;
        bytes--;
    }
    if (bytes == 0 || bytes > length || strncasecmp(host + length - bytes, word, bytes) != 0)
        return false;
    return bytes == length || host[length - bytes - 1] == '.';
}

/* Whether a list as of NO_PROXY names the host. */
static bool is_left_out(const char *list, const char *host)
{
    static const char between[] = ", \t";
    while (list && *list) {
        list += strspn(list, between);
        size_t bytes = strcspn(list, between);
        if (bytes && is_named(list, bytes, host))
            return true;
        list += bytes;
    }
    return false;
}

static const char *variable(const char *capitals, const char *letters)
{
    const char *value = getenv(letters);
    value = value && *value ? value : getenv(capitals);
    return value && *value ? value : NULL;
}

bool proxy_choose(struct proxy *p, const struct url *u, const char *option, char *why, size_t why_bytes)
{
    *p = (struct proxy){ 0 };
    if (option)
        return !*option || proxy_read(p, option, why, why_bytes);
    const char *url = u->is_tls ? variable("HTTPS_PROXY", "https_proxy") : NULL;
    if (!url)
        url = variable("ALL_PROXY", "all_proxy");
    if (!url || is_left_out(variable("NO_PROXY", "no_proxy"), u->host))
        return true;
    return proxy_read(p, url, why, why_bytes);
}

void proxy_write(const struct proxy *p, const struct url *u, struct buf *to)
{
    bool is_v6 = strchr(u->host, ':') != NULL;
    struct buf target = { 0 };
    buf_format(&target, "%s%s%s:%s", is_v6 ? "[" : "", u->host, is_v6 ? "]" : "", u->port);
    buf_format(to, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n", target.at, target.at);
    if (p->authorization[0])
        buf_format(to, "Proxy-Authorization: %s\r\n", p->authorization);
    buf_text(to, "\r\n");
    buf_fini(&target);
}

bool proxy_answer(const struct proxy *p, const char *head, char *why, size_t why_bytes)
{
    bool is_http = strncmp(head, "HTTP/1.", 7) == 0 && (head[7] == '0' || head[7] == '1') && head[8] == ' ' &&
                   strspn(head + 9, "0123456789") == 3;
    if (!is_http) {
        snprintf(why, why_bytes, "what answers at %.200s:%s is not an HTTP proxy", p->host, p->port);
        return false;
    }
    long status = strtol(head + 9, NULL, 10);
    if (status >= 200 && status < 300)
        return true;
    if (status == 407)
        snprintf(why, why_bytes, "the proxy %s",
                 p->authorization[0] ? "does not accept the password (407)" : "wants a password (407)");
    else if (status == 403)
        snprintf(why, why_bytes, "the proxy forbids it (403)");
    else if (status >= 500)
        snprintf(why, why_bytes, "the proxy can't reach the server (%ld)", status);
    else
        snprintf(why, why_bytes, "the proxy answered %ld", status);
    return false;
}
