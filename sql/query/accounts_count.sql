-- accounts_count.sql - how many of these accounts there are
SELECT count(*) FROM account WHERE user_id = ANY ($1::int8[]);
