UPDATE watch_buckets SET kind = $4, client = $5, hostname = $6
WHERE user_id = $1 AND device_id = $2 AND id = $3
RETURNING 1
