-- What a source's device is, or would be if it were made now. No row when it would be one too many.
SELECT
    coalesce((array_agg(id) FILTER (WHERE source = $3))[1], $1),
    coalesce(min(precedence) FILTER (WHERE source = $3), coalesce(min(precedence), $5) - 1),
    coalesce(min(heartbeat_timeout_secs) FILTER (WHERE source = $3), $6)
FROM import_devices
WHERE user_id = $2
HAVING count(*) < $4 OR bool_or(source = $3)
