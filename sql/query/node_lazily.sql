-- node_lazily.sql - a beat of the heart need not be on disk: a lost one is an earlier end
SELECT set_config('synchronous_commit', 'off', true);
