-- As they are read.
SELECT (
    SELECT count(*)
    FROM watch_events AS e
    WHERE e.user_id = b.user_id AND e.bucket = b.number AND e.start_us >= $4 - $6::bigint AND e.start_us <= $5 AND e.end_us >= $4
) + (
    SELECT count(*)
    FROM watch_lasting AS l
    CROSS JOIN LATERAL (
        -- The limit keeps the planner to the key.
        SELECT * FROM watch_events AS e WHERE e.user_id = l.user_id AND e.bucket = l.bucket AND e.id = l.id LIMIT 1
    ) AS e
    WHERE l.user_id = b.user_id AND l.bucket = b.number AND e.start_us < $4 - $6::bigint AND e.start_us <= $5 AND e.end_us >= $4
)
FROM watch_buckets AS b
WHERE b.user_id = $1 AND b.device_id = $2 AND b.id = $3
