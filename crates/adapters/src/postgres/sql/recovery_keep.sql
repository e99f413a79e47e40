INSERT INTO recovery_codes (user_id, hash)
SELECT $1, hash FROM unnest($2::bytea[]) AS codes (hash)
