/* fuzz/fuzz_proxy.c - PROXY headers: what is read byte by byte is what is read at once */
#include "net/proxy.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    size_t whole = PROXY_HEAD_BYTES, have = 0;
    enum err err = ERR_OK;
    struct sockaddr_storage from;
    uint8_t *at;

    while (!err && have < whole && have < bytes)
        err = proxy_bytes(data, ++have, &whole);
    if (whole > PROXY_BYTES_MAX && !err)
        abort();
    at = malloc(have ? have : 1); /* exactly as large: the sanitizer sees a step too far */
    memcpy(at, data, have);
    if (proxy_read(at, have, &from) == ERR_OK &&
        (err || have != whole ||
         (from.ss_family != AF_UNSPEC && from.ss_family != AF_INET && from.ss_family != AF_INET6)))
        abort();
    free(at);
    return 0;
}
