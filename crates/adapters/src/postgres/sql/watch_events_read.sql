-- Those of a window: what overlaps it starts in it, or shortly before it, or lasts for long.
SELECT e.id, e.start_us, e.end_us, e.app_name, e.domain, e.is_here
FROM watch_buckets AS b
CROSS JOIN LATERAL (
    (
        SELECT *
        FROM watch_events AS e
        WHERE e.user_id = b.user_id AND e.bucket = b.number AND e.start_us >= $4 - $7::bigint AND e.start_us <= $5 AND e.end_us >= $4
        ORDER BY e.start_us DESC, e.id DESC
        LIMIT $6
    )
    UNION ALL
    SELECT e.*
    FROM watch_lasting AS l
    CROSS JOIN LATERAL (
        -- The limit keeps the planner to the key.
        SELECT * FROM watch_events AS e WHERE e.user_id = l.user_id AND e.bucket = l.bucket AND e.id = l.id LIMIT 1
    ) AS e
    WHERE l.user_id = b.user_id AND l.bucket = b.number AND e.start_us < $4 - $7::bigint AND e.start_us <= $5 AND e.end_us >= $4
) AS e
WHERE b.user_id = $1 AND b.device_id = $2 AND b.id = $3
ORDER BY e.start_us DESC, e.id DESC
LIMIT $6
