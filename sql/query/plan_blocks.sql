-- plan_blocks.sql - what comes next in this transaction is looked for by blocks (BRIN), not all through a key of other columns
SELECT set_config('enable_indexscan', 'off', true), set_config('enable_indexonlyscan', 'off', true);
