# Embeds sql/schema/*.sql and sql/query/*.sql into the store (see store/sql.h).
