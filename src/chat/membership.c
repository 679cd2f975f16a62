/* chat/membership.c - what may change in a group, decided on its members */
#include "chat/membership.h"
#include "chat/authz.h"
#include "model/json.h"

enum { MEMBERSHIP_BODY_MAX = 4 * 1024 };

static uint32_t membership_owners(const struct members *m)
{
    uint32_t owners = 0;

    for (uint32_t k = 0; k < m->count; k++)
        owners += m->member[k].role == ROLE_OWNER;
    return owners;
}

/* The members with one who joins: they hear of it, too. */
static struct members *membership_with(const struct members *m, struct user_id user, enum role role)
{
    struct members *more = members_new(m->count + 1);

    more->conversation = m->conversation;
    more->kind = m->kind;
    more->epoch = m->epoch;
    memcpy(more->member, m->member, m->count * sizeof m->member[0]);
    more->member[m->count] = (struct member){ .user = user, .role = role };
    members_sort(more);
    return more;
}

/* The one event of all three; its body is written anew at each decision. */
static void membership_event(struct membership *m, enum event_kind kind, const char *change)
{
    struct append *a = &m->post.append;
    struct json j;

    buf_fini(&m->body);
    buf_init(&m->body, MEMBERSHIP_BODY_MAX);
    json_init(&j, &m->body);
    json_object(&j, NULL);
    if (change) {
        json_id(&j, "user", m->whom.n);
        json_string(&j, "change", text_of(change));
        if (m->post.effect.kind == EFFECT_MEMBER_PUT)
            json_string(&j, "role", text_of(role_word(m->role)));
    } else {
        json_string(&j, "title", m->title);
    }
    CHECK(!m->body.overflowed);
    a->kind = kind;
    a->body = (struct text){ m->body.at + 1, m->body.bytes - 1 };
    a->effects = &m->post.effect;
    a->effects_count = 1;
}

/* Only owners give a role, to a member or to one who joins. */
static enum err membership_decide_role(struct post *p, const struct member *now)
{
    struct membership *m = (struct membership *)p;
    enum err err = authz_check(p->members, p->user, ACTION_SET_ROLE);

    p->is_needless = now->role == m->role && (err == ERR_OK || err == ERR_FORBIDDEN);
    if (p->is_needless)
        return ERR_OK;
    if (!err && now->role == ROLE_OWNER && membership_owners(p->members) == 1)
        return ERR_LAST_OWNER;
    return err;
}

static enum err membership_decide_join(struct post *p)
{
    struct membership *m = (struct membership *)p;
    enum err err = authz_check(p->members, p->user, m->role == ROLE_MEMBER ? ACTION_ADD : ACTION_SET_ROLE);

    if (err)
        return err;
    if (p->members->count >= LIMIT_MEMBERS)
        return ERR_GROUP_FULL;
    m->has_joined = true;
    p->recipients = membership_with(p->members, m->whom, m->role);
    return ERR_OK;
}

static enum err membership_decide_put(struct post *p)
{
    struct membership *m = (struct membership *)p;
    const struct member *now = members_find(p->members, m->whom);

    m->has_joined = false;
    enum err err = now ? membership_decide_role(p, now) : membership_decide_join(p);
    if (err || p->is_needless)
        return err;
    p->effect = (struct append_effect){ .kind = EFFECT_MEMBER_PUT, .user = m->whom, .role = m->role };
    membership_event(m, EVENT_MEMBER, now ? "role" : "joined");
    return ERR_OK;
}

static enum err membership_decide_remove(struct post *p)
{
    struct membership *m = (struct membership *)p;
    bool is_leaving = m->whom.n == p->user.n;
    enum err err = authz_check(p->members, p->user, is_leaving ? ACTION_LEAVE : ACTION_REMOVE);
    const struct member *actor = members_find(p->members, p->user), *whom = members_find(p->members, m->whom);

    if (err)
        return err;
    if (!whom)
        return ERR_NOT_FOUND;
    if (!is_leaving && whom->role > actor->role)
        return ERR_FORBIDDEN;
    if (whom->role == ROLE_OWNER && membership_owners(p->members) == 1 && p->members->count > 1)
        return ERR_LAST_OWNER;
    p->effect = (struct append_effect){ .kind = EFFECT_MEMBER_GONE, .user = m->whom };
    membership_event(m, EVENT_MEMBER, is_leaving ? "left" : "removed");
    return ERR_OK;
}

static enum err membership_decide_retitle(struct post *p)
{
    struct membership *m = (struct membership *)p;
    enum err err = authz_check(p->members, p->user, ACTION_RETITLE);

    if (err)
        return err;
    p->effect = (struct append_effect){ .kind = EFFECT_TITLE, .text = m->title };
    membership_event(m, EVENT_CONVERSATION, NULL);
    return ERR_OK;
}

void membership_put(struct membership *m, struct op *asker)
{
    m->post.decide = membership_decide_put;
    post_start(&m->post, asker);
}

void membership_remove(struct membership *m, struct op *asker)
{
    m->post.decide = membership_decide_remove;
    post_start(&m->post, asker);
}

void membership_retitle(struct membership *m, struct op *asker)
{
    m->post.decide = membership_decide_retitle;
    post_start(&m->post, asker);
}

void membership_fini(struct membership *m)
{
    post_fini(&m->post);
    buf_fini(&m->body);
}
