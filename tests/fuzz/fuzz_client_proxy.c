/* fuzz/fuzz_client_proxy.c - any text as a proxy's address, a list of hosts, and the answer to CONNECT */
#include "lib/proxy.h"
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct buf text = { 0 }, request = { 0 };
    struct url u;
    struct proxy p;
    char why[80] = "";
    if (count > PROXY_HEAD_MOST)
        return 0;
    buf_add(&text, bytes, count);
    CHECK(url_read(&u, "https://chat.example"));
    CHECK(setenv("all_proxy", "http://proxy:1", 1) == 0);
    if (proxy_read(&p, text.at, why, sizeof why)) {
        CHECK(p.is_used && p.host[0] && p.port[0] && why[0] == 0);
        proxy_write(&p, &u, &request);
        const char *end = strstr(request.at, "\r\n\r\n"); /* nothing got a line of its own into it */
        CHECK(end && end[4] == 0 && strlen(request.at) == request.bytes);
    } else {
        CHECK(why[0]);
        p = (struct proxy){ .is_used = true, .host = "proxy", .port = "1" };
    }
    why[0] = 0;
    CHECK(proxy_answer(&p, text.at, why, sizeof why) == (why[0] == 0));
    if (strlen(text.at) == count && count > 0) {
        CHECK(setenv("no_proxy", text.at, 1) == 0);
        CHECK(proxy_choose(&p, &u, NULL, why, sizeof why));
    }
    buf_fini(&text);
    buf_fini(&request);
    return 0;
}
