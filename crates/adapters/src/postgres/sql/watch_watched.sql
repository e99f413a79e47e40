-- The rows of all buckets of a device that overlap a window, of each bucket so many of those that start last, and a row without an event for a bucket that has
-- none: also an empty one tells whose windows are watched. What starts before the window is looked through only so far: what does not last for long, and what does.
SELECT b.id, b.kind, b.hostname, e.start_us, e.end_us, e.app_name, e.domain, e.is_here
FROM watch_buckets AS b
LEFT JOIN LATERAL (
    SELECT *
    FROM (
        (
            SELECT *
            FROM watch_events AS e
            WHERE e.user_id = b.user_id AND e.bucket = b.number AND e.start_us >= $3 AND e.start_us <= $4
            ORDER BY e.start_us DESC, e.id DESC
            LIMIT $5
        )
        UNION ALL
        SELECT *
        FROM (
            SELECT *
            FROM watch_events AS e
            WHERE e.user_id = b.user_id AND e.bucket = b.number AND e.start_us >= $3 - $7::bigint AND e.start_us < $3
            ORDER BY e.start_us DESC, e.id DESC
            LIMIT $6
        ) AS earlier
        WHERE earlier.end_us >= $3
        UNION ALL
        SELECT lasting.*
        FROM (
            SELECT l.user_id, l.bucket, l.id
            FROM watch_lasting AS l
            WHERE l.user_id = b.user_id AND l.bucket = b.number
            ORDER BY l.id DESC
            LIMIT $8
        ) AS l
        CROSS JOIN LATERAL (
            -- The limit keeps the planner to the key.
            SELECT *
            FROM watch_events AS e
            WHERE e.user_id = l.user_id AND e.bucket = l.bucket AND e.id = l.id
            LIMIT 1
        ) AS lasting
        WHERE lasting.start_us < $3 - $7::bigint AND lasting.end_us >= $3
    ) AS found
    ORDER BY found.start_us DESC, found.id DESC
    LIMIT $5
) AS e ON true
WHERE b.user_id = $1 AND b.device_id = $2
ORDER BY b.id
