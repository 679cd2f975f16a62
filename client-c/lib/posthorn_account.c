/* lib/posthorn_account.c - accounts and the session */
#include "lib/ask.h"
#include "lib/deliver.h"
#include "lib/discovery.h"
#include "lib/receive.h"
#include "posthorn.h"
#include <string.h>
#include <unistd.h>

enum posthorn_status posthorn_account_register(struct posthorn *p, const char *handle, const char *password,
                                               const char *name)
{
    char *body = WIRE_OBJECT({ .name = "handle", .text = handle }, { .name = "password", .text = password },
                             { .name = "name", .text = name });
    if (!body)
        return client_fail(p, POSTHORN_MISUSE, "misuse", "handle, password and name must be valid UTF-8");
    enum posthorn_status status = ask_server(p, "POST", "/v1/accounts", body, NULL);
    explicit_bzero(body, strlen(body));
    free(body);
    return status;
}

static char *login_body(const char *handle, const char *password, const char *device)
{
    char host[128] = "";
    if (!device && gethostname(host, sizeof host - 1) == 0 && *host)
        device = host;
    char *inner = WIRE_OBJECT({ .name = "name", .text = device ? device : "posthorn" },
                              { .name = "platform", .text = "cli" });
    if (!inner)
        return NULL;
    char *body = WIRE_OBJECT({ .name = "handle", .text = handle }, { .name = "password", .text = password },
                             { .name = "device", .kind = WIRE_JSON, .text = inner });
    free(inner);
    return body;
}

/* Takes the session over and puts it on disk. */
static enum posthorn_status keep(struct posthorn *p, struct posthorn_answer **a)
{
    struct session s;
    struct posthorn_account me;
    struct cursor cursor = { 0 };
    const char *device = wire_inner(*a, "device", "id");
    if (!wire_account(*a, "account", &me) ||
        !session_set(&s, p->server, me.handle, me.id, device, wire_string(*a, "token")) ||
        !cursor_set(&cursor, wire_string(*a, "cursor")))
        return ask_bad_answer(p, a);
    wire_free(a);
    if (!cursor_save(&cursor, p->state_dir) || !session_save(&s, p->state_dir))
        return client_fail(p, POSTHORN_FAILED, "state", "the session can't be written");
    p->session = s;
    p->cursor = cursor;
    deliver_resume(p);
    discovery_renew(p);
    if (!p->nodes.is_fixed)
        (void)discovery_ask(p, NULL); /* a run that only sends should know where else to go, too */
    return POSTHORN_OK;
}

/* What waits belongs to the account that wrote it. */
static bool would_mix(const struct posthorn *p, const char *handle)
{
    return p->outbox.count && p->session.handle[0] && strcmp(p->session.handle, handle) != 0;
}

enum posthorn_status posthorn_account_login(struct posthorn *p, const char *handle, const char *password,
                                            const char *device)
{
    struct posthorn_answer *a;
    if (would_mix(p, handle))
        return client_fail(p, POSTHORN_FAILED, "state",
                           "messages of another account wait here: log out first");
    char *body = login_body(handle, password, device);
    if (!body)
        return client_fail(p, POSTHORN_MISUSE, "misuse", "handle, password and device must be valid UTF-8");
    receive_stop(p);
    deliver_forget(p);
    discovery_forget(p);
    struct session before = p->session;
    p->session.token[0] = 0; /* an old token has no business in a login */
    enum posthorn_status status = ask_server(p, "POST", "/v1/sessions", body, &a);
    explicit_bzero(body, strlen(body));
    free(body);
    p->session = before;
    explicit_bzero(&before, sizeof before);
    return status == POSTHORN_OK ? keep(p, &a) : status;
}

enum posthorn_status posthorn_account_logout(struct posthorn *p)
{
    receive_stop(p);
    deliver_forget(p);
    outbox_drop(&p->outbox);
    enum posthorn_status status = ask_as_me(p, "DELETE", "/v1/sessions/current", NULL, NULL);
    session_forget(&p->session, p->state_dir);
    return status;
}

bool posthorn_account_me(const struct posthorn *p, struct posthorn_account *me)
{
    *me = (struct posthorn_account){ .id = p->session.account, .handle = p->session.handle };
    return p->session.token[0] != 0;
}

enum posthorn_status posthorn_account_check(struct posthorn *p, struct posthorn_answer **a,
                                            struct posthorn_account *me)
{
    return posthorn_user_get(p, p->session.account, a, me);
}
