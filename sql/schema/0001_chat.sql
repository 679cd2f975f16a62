-- 0001_chat.sql - accounts, devices, conversations, messages, inboxes, keys
--
-- Ids are snowflakes, (ms since 2024-01-01) << 22 | node << 12 | counter, so a time range is an id range.
-- Every unique key contains the column that sql/citus.sql distributes its table by.

CREATE TABLE cluster (
    one int PRIMARY KEY CHECK (one = 1),
    timeline bigint NOT NULL);          -- rises when the database was restored or lost its tail
INSERT INTO cluster (one, timeline) VALUES (1, 1);

CREATE TABLE account (
    user_id bigint PRIMARY KEY,
    handle text NOT NULL,
    name text NOT NULL DEFAULT '',
    password_hash text NOT NULL,
    created_ms bigint NOT NULL);
-- The one place where a handle is unique: on Citus a unique key must contain the distribution column.
CREATE TABLE handle (
    handle text PRIMARY KEY,
    user_id bigint NOT NULL);

CREATE TABLE device (
    user_id bigint NOT NULL,
    device_id bigint NOT NULL,
    name text NOT NULL DEFAULT '',
    platform text NOT NULL DEFAULT '',
    token_hash bytea NOT NULL,
    created_ms bigint NOT NULL,
    expires_ms bigint NOT NULL,
    PRIMARY KEY (user_id, device_id)) WITH (fillfactor = 80);
-- Kept off the device's row: written every few seconds while a device is here.
CREATE TABLE device_cursor (
    user_id bigint NOT NULL,
    device_id bigint NOT NULL,
    acknowledged bigint NOT NULL DEFAULT 0,     -- every i up to this was taken
    seen_ms bigint NOT NULL,
    PRIMARY KEY (user_id, device_id)) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);

-- The head: whoever holds this row's lock orders the conversation.
CREATE TABLE conversation (
    conversation_id bigint PRIMARY KEY,
    kind smallint NOT NULL,             -- 1 direct, 2 group
    last_seq bigint NOT NULL DEFAULT 0,
    last_id bigint NOT NULL DEFAULT 0,
    member_epoch int NOT NULL DEFAULT 0) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
CREATE TABLE conversation_info (        -- what is seldom written
    conversation_id bigint PRIMARY KEY,
    title text NOT NULL DEFAULT '');
CREATE TABLE direct (                   -- who talks with whom: one conversation a pair
    user_low bigint NOT NULL,
    user_high bigint NOT NULL,
    conversation_id bigint NOT NULL,
    PRIMARY KEY (user_low, user_high));
CREATE TABLE member (                   -- by conversation: who is in it
    conversation_id bigint NOT NULL,
    user_id bigint NOT NULL,
    role smallint NOT NULL DEFAULT 0,   -- 0 member, 1 admin, 2 owner
    joined_seq bigint NOT NULL,
    PRIMARY KEY (conversation_id, user_id));
CREATE TABLE user_conversation (        -- by user: where they are in it
    user_id bigint NOT NULL,
    conversation_id bigint NOT NULL,
    kind smallint NOT NULL,             -- the conversation's, which never changes
    read_seq bigint NOT NULL DEFAULT 0,
    muted_until_ms bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (user_id, conversation_id)) WITH (fillfactor = 80);

-- Monthly partitions, kept for ever. UNIQUE (conversation_id, seq) holds by the head's lock.
CREATE TABLE message (
    conversation_id bigint NOT NULL,
    id bigint NOT NULL,
    seq bigint NOT NULL,
    sender_id bigint NOT NULL,
    kind smallint NOT NULL,
    key_high bigint NOT NULL,
    key_low bigint NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (conversation_id, id)) PARTITION BY RANGE (id);

-- The mailbox is the head of an account's inbox: whoever holds its lock orders the inbox.
CREATE TABLE mailbox (
    user_id bigint PRIMARY KEY,
    last_i bigint NOT NULL DEFAULT 0) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
-- Weekly partitions, dropped by age. body is there for the events that have no message row.
CREATE TABLE inbox (
    user_id bigint NOT NULL,
    i bigint NOT NULL,
    conversation_id bigint NOT NULL,
    id bigint NOT NULL,
    kind smallint NOT NULL,
    body bytea,
    PRIMARY KEY (user_id, i, id)) PARTITION BY RANGE (id);

-- Daily partitions by the day inside the key (key_high = unix ms << 16 | random), dropped by age.
CREATE TABLE send_key (
    sender_id bigint NOT NULL,
    key_high bigint NOT NULL,
    key_low bigint NOT NULL,
    conversation_id bigint NOT NULL,
    id bigint NOT NULL,
    seq bigint NOT NULL,
    kind smallint NOT NULL,
    body_hash bigint NOT NULL,
    tries int NOT NULL DEFAULT 0,
    PRIMARY KEY (sender_id, key_high, key_low)) PARTITION BY RANGE (key_high);

-- Makes one partition of a table, named by its suffix. Safe from every node at once.
CREATE FUNCTION partition_make(parent text, suffix text, first_id bigint, beyond bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF to_regclass(format('%I', parent || '_' || suffix)) IS NOT NULL THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(7809632219779023475);
    EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF %I FOR VALUES FROM (%s) TO (%s)',
                   parent || '_' || suffix, parent, first_id, beyond);
END $$;

-- Drops the partitions whose suffix sorts below a suffix of the same form; says how many.
CREATE FUNCTION partition_drop(parent text, suffix text) RETURNS int
LANGUAGE plpgsql AS $$
DECLARE
    old text;
    dropped int := 0;
BEGIN
    FOR old IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = to_regclass(parent) AND length(c.relname) = length(parent || '_' || suffix)
            AND c.relname < parent || '_' || suffix
        ORDER BY c.relname
    LOOP
        PERFORM pg_advisory_xact_lock(7809632219779023475);
        EXECUTE format('DROP TABLE IF EXISTS %I', old);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END $$;
