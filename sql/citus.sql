-- citus.sql - distributes the tables of sql/schema over the workers of a Citus cluster
--
-- Run once, on the coordinator, in an empty database after posthornd has made the schema. On Citus also set
-- plan_cache_mode=auto, citus.enable_deadlock_prevention=off and citus.multi_shard_modify_mode=sequential for the
-- server's role. cluster and schema_migration stay local.
SELECT create_distributed_table('conversation', 'conversation_id');
SELECT create_distributed_table('conversation_info', 'conversation_id', colocate_with => 'conversation');
SELECT create_distributed_table('member', 'conversation_id', colocate_with => 'conversation');
SELECT create_distributed_table('message', 'conversation_id', colocate_with => 'conversation');
SELECT create_distributed_table('mailbox', 'user_id');
SELECT create_distributed_table('inbox', 'user_id', colocate_with => 'mailbox');
SELECT create_distributed_table('user_conversation', 'user_id', colocate_with => 'mailbox');
SELECT create_distributed_table('account', 'user_id', colocate_with => 'mailbox');
SELECT create_distributed_table('device', 'user_id', colocate_with => 'mailbox');
SELECT create_distributed_table('device_cursor', 'user_id', colocate_with => 'mailbox');
SELECT create_distributed_table('send_key', 'sender_id', colocate_with => 'mailbox');
SELECT create_distributed_table('handle', 'handle');
SELECT create_distributed_table('direct', 'user_low');
