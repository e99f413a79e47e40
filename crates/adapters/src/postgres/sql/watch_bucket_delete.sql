DELETE FROM watch_buckets WHERE user_id = $1 AND device_id = $2 AND id = $3 RETURNING 1
