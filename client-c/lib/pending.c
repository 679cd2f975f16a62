/* lib/pending.c - stands in for what http.c does not say yet */
#include "lib/feed.h"

__attribute__((weak)) const char *http_path(const struct http *h)
{
    (void)h;
    return "direct";
}

__attribute__((weak)) bool http_overrides_method(const struct http *h)
{
    (void)h;
    return true;
}

__attribute__((weak)) void http_override_methods(struct http *h, bool on)
{
    (void)h, (void)on;
}
