-- ring_read.sql - the newest table
SELECT epoch, (SELECT coalesce(string_agg(int4send(m), '' ORDER BY n), '') FROM unnest(member_id) WITH ORDINALITY u (m, n)),
    (SELECT coalesce(string_agg(int4send(m), '' ORDER BY n), '') FROM unnest(member_weight) WITH ORDINALITY u (m, n)), owner
FROM ring WHERE one = 1;
