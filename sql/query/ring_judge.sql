-- ring_judge.sql - the epoch, how long Postgres is up, and how many were evicted lately
SELECT epoch, nodes_version, (extract(epoch FROM clock_timestamp() - pg_postmaster_start_time()) * 1000)::int8,
    (SELECT count(*) FROM unnest(evicted_at) e WHERE e > clock_timestamp() - $1::int8 * interval '1 ms')
FROM ring WHERE one = 1;
