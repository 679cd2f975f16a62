/* check/volume.c - check_volume DIR MESSAGES: a long run that went well, to see how the checker bears it
 *
 * 300 users with a device each, groups of nine: nine events for each message, as fast as they can be written down.
 */
#include "check/history.h"
#include "model/event.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { VOLUME_USERS = 300, VOLUME_GROUPS = 100, VOLUME_MEMBERS = 9, VOLUME_FILES = 6 };

struct volume {
    const char *dir;
    uint32_t messages;
    struct history *history[VOLUME_FILES];
    FILE *message, *key;
    uint64_t seq[VOLUME_GROUPS], id[VOLUME_GROUPS], ns;
    uint32_t *inbox[VOLUME_USERS]; /* numbers of messages */
    uint32_t head[VOLUME_USERS];
};

static FILE *volume_table(const struct volume *v, const char *name)
{
    char path[4096];

    snprintf(path, sizeof path, "%s/%s.copy", v->dir, name);
    FILE *file = fopen(path, "we");
    if (!file) {
        perror(path);
        exit(2);
    }
    return file;
}

static uint64_t volume_user(uint32_t group, uint32_t member)
{
    return (group * 7 + member * 31) % VOLUME_USERS;
}

static uint32_t volume_group(uint32_t message)
{
    return message % VOLUME_GROUPS;
}

static uint64_t volume_id(uint32_t message)
{
    return ((uint64_t)message + 1) << 22;
}

static void volume_put(struct volume *v, uint64_t user, struct history_record r)
{
    r.device = (uint32_t)(user / VOLUME_FILES);
    r.ns = v->ns;
    history_put(v->history[user % VOLUME_FILES], &r);
}

static void volume_begin(struct volume *v)
{
    char path[4096];

    for (int k = 0; k < VOLUME_FILES; k++) {
        snprintf(path, sizeof path, "%s/%d.history", v->dir, k);
        v->history[k] = history_new(path);
        if (!v->history[k]) {
            perror(path);
            exit(2);
        }
    }
    v->ns = history_now();
    for (uint64_t user = 0; user < VOLUME_USERS; user++) {
        history_device(v->history[user % VOLUME_FILES], user + 1, user + 1);
        volume_put(v, user,
                   (struct history_record){ .kind = HISTORY_OPENED, .connection = 1, .timeline = 1 });
        /* For each place in a group there is at most one group where a user has it. */
        v->inbox[user] = calloc((v->messages / VOLUME_GROUPS + 1) * VOLUME_MEMBERS, sizeof *v->inbox[user]);
        CHECK(v->inbox[user]);
    }
    v->message = volume_table(v, "message");
    v->key = volume_table(v, "send_key");
}

/* Message n is sent, stands, is acknowledged, and comes to everybody. */
static void volume_message(struct volume *v, uint32_t n)
{
    static const char text[] = "a message of some length, as people write it";
    uint32_t group = volume_group(n);
    uint64_t sender = volume_user(group, n / VOLUME_GROUPS % VOLUME_MEMBERS), seq = ++v->seq[group];
    struct key key = { UINT64_C(1750000000000) << 16 | n, UINT64_MAX - n };
    uint64_t hash = history_hash(text, sizeof text - 1);

    v->id[group] = volume_id(n);
    volume_put(
        v, sender,
        (struct history_record){
            .kind = HISTORY_SEND, .key = key, .conversation = group + 1, .hash = hash, .counter = n + 1 });
    v->ns += 3000;
    for (uint32_t k = 0; k < VOLUME_MEMBERS; k++) {
        uint64_t user = volume_user(group, k);
        v->inbox[user][v->head[user]++] = n;
        volume_put(v, user,
                   (struct history_record){ .kind = HISTORY_EVENT,
                                            .connection = 1,
                                            .i = v->head[user],
                                            .event = EVENT_MESSAGE,
                                            .conversation = group + 1,
                                            .seq = seq,
                                            .id = volume_id(n),
                                            .from = sender + 1,
                                            .key = key,
                                            .hash = hash });
    }
    volume_put(
        v, sender,
        (struct history_record){
            .kind = HISTORY_ACKED, .key = key, .conversation = group + 1, .seq = seq, .id = volume_id(n) });
    fprintf(v->key, "%" PRIu64 "\t%" PRIu64 "\t%" PRId64 "\t%" PRIu32 "\t%" PRIu64 "\t%" PRIu64 "\n",
            sender + 1, key.high, (int64_t)key.low, group + 1, volume_id(n), seq);
}

/* The message table is in the order of conversations. */
static void volume_messages(struct volume *v)
{
    static const char text[] = "a message of some length, as people write it";

    for (uint32_t group = 0; group < VOLUME_GROUPS; group++) {
        uint64_t seq = 0;
        for (uint32_t n = group; n < v->messages; n += VOLUME_GROUPS) {
            uint64_t sender = volume_user(group, n / VOLUME_GROUPS % VOLUME_MEMBERS);
            fprintf(v->message,
                    "%" PRIu32 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t1\t%" PRIu64 "\t%" PRId64 "\t",
                    group + 1, ++seq, volume_id(n), sender + 1, UINT64_C(1750000000000) << 16 | n,
                    -1 - (int64_t)n);
            for (const char *at = "\"text\":\""; *at; at++)
                fprintf(v->message, "%02x", *at);
            for (const char *at = text; *at; at++)
                fprintf(v->message, "%02x", *at);
            fprintf(v->message, "22\n");
        }
    }
}

static int volume_order(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void volume_end(struct volume *v)
{
    FILE *conversation = volume_table(v, "conversation"), *member = volume_table(v, "member");
    FILE *mailbox = volume_table(v, "mailbox"), *inbox = volume_table(v, "inbox");

    for (uint32_t group = 0; group < VOLUME_GROUPS; group++) {
        uint64_t users[VOLUME_MEMBERS];
        fprintf(conversation, "%" PRIu32 "\t%" PRIu64 "\t%" PRIu64 "\n", group + 1, v->seq[group],
                v->id[group]);
        for (uint32_t k = 0; k < VOLUME_MEMBERS; k++)
            users[k] = volume_user(group, k);
        qsort(users, VOLUME_MEMBERS, sizeof *users, volume_order);
        for (uint32_t k = 0; k < VOLUME_MEMBERS; k++)
            fprintf(member, "%" PRIu32 "\t%" PRIu64 "\t1\n", group + 1, users[k] + 1);
    }
    for (uint64_t user = 0; user < VOLUME_USERS; user++) {
        fprintf(mailbox, "%" PRIu64 "\t%" PRIu32 "\n", user + 1, v->head[user]);
        for (uint32_t i = 0; i < v->head[user]; i++)
            fprintf(inbox, "%" PRIu64 "\t%" PRIu32 "\t%" PRIu32 "\t%" PRIu64 "\t1\n", user + 1, i + 1,
                    volume_group(v->inbox[user][i]) + 1, volume_id(v->inbox[user][i]));
        free(v->inbox[user]);
    }
    volume_messages(v);
    FILE *files[] = { conversation, member, mailbox, inbox, v->message, v->key };
    for (size_t k = 0; k < sizeof files / sizeof *files; k++) {
        if (fclose(files[k])) {
            perror("a table");
            exit(2);
        }
    }
    for (int k = 0; k < VOLUME_FILES; k++)
        history_free(&v->history[k]);
}

int main(int argc, char **argv)
{
    struct volume v = { .dir = argc == 3 ? argv[1] : NULL };

    v.messages = v.dir ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;
    if (v.messages < VOLUME_GROUPS) {
        fprintf(stderr, "usage: check_volume DIR MESSAGES (%d at least)\n", VOLUME_GROUPS);
        return 2;
    }
    volume_begin(&v);
    for (uint32_t n = 0; n < v.messages; n++)
        volume_message(&v, n);
    volume_end(&v);
    return 0;
}
