/* lib/posthorn_device.c - the account's devices */
#include "lib/ask.h"
#include "posthorn.h"

enum posthorn_status posthorn_device_list(struct posthorn *p, struct posthorn_answer **a,
                                          const struct posthorn_device **at, size_t *count)
{
    enum posthorn_status status = ask_as_me(p, "GET", "/v1/sessions", NULL, a);
    if (status == POSTHORN_OK && !wire_devices(*a, "devices", at, count))
        return ask_bad_answer(p, a);
    return status;
}

enum posthorn_status posthorn_device_revoke(struct posthorn *p, const char *device)
{
    char *path = ask_path("/v1/sessions/", device, "", NULL);
    if (!path)
        return client_fail(p, POSTHORN_MISUSE, "misuse", "not the id of a device");
    enum posthorn_status status = ask_as_me(p, "DELETE", path, NULL, NULL);
    free(path);
    return status;
}
