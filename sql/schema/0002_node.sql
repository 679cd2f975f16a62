-- 0002_node.sql - nodes, their leases, and the table of slots
--
-- Local tables on Citus: clock_timestamp() judges here, and it may not be distributed. Few rows, written each second.

CREATE SEQUENCE node_incarnation;
CREATE TABLE node (
    node_id int PRIMARY KEY,            -- the node bits of snowflakes, and the ring's member
    incarnation bigint NOT NULL,        -- another for each start
    state smallint NOT NULL DEFAULT 0,  -- 0 here, 2 draining, 3 dead
    name text NOT NULL UNIQUE,          -- "host/worker": gets the same id again
    url text NOT NULL,
    link text NOT NULL,
    link_local text NOT NULL,
    host text NOT NULL,
    region text NOT NULL,
    weight int NOT NULL,
    load int NOT NULL DEFAULT 0,
    version_least int NOT NULL,
    version int NOT NULL,
    id_reserved bigint NOT NULL DEFAULT 0,      -- snowflakes up to here may have been given out
    joined_at timestamptz NOT NULL,
    lease_until timestamptz NOT NULL,
    deaths timestamptz[] NOT NULL DEFAULT '{}') -- the last unclean ends
    WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0.05);

-- The newest table: slot n belongs to member_id[owner n + 1], 2 bytes a slot in network byte order, 65535 to nobody.
CREATE TABLE ring (
    one int PRIMARY KEY CHECK (one = 1),
    epoch bigint NOT NULL,
    nodes_version bigint NOT NULL,      -- rises when a node changes in anything but its lease and load
    member_id int[] NOT NULL,
    member_weight int[] NOT NULL,
    owner bytea NOT NULL,
    evicted_at timestamptz[] NOT NULL DEFAULT '{}')     -- the last evictions
    WITH (fillfactor = 50);
INSERT INTO ring (one, epoch, nodes_version, member_id, member_weight, owner) VALUES (1, 0, 0, '{}', '{}', '');

-- What a node wrote last, by time: only the newest blocks are read, and keeping it costs next to nothing.
CREATE INDEX inbox_by_time ON inbox USING brin (id) WITH (pages_per_range = 32, autosummarize = on);
