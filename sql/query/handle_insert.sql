-- handle_insert.sql - claims a handle; a violated unique key means that it is taken
INSERT INTO handle (handle, user_id) VALUES ($1::text, $2::int8);
