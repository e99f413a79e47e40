-- The buckets of a device, or the one of that name, each with the time that its events span: the last end is that of one of the events that start last, or of one
-- that lasts for long.
SELECT b.id, b.kind, b.client, b.hostname, b.created_us, first.start_us, last.end_us
FROM watch_buckets AS b
CROSS JOIN LATERAL (
    SELECT min(e.start_us) AS start_us, max(e.start_us) AS latest_us
    FROM watch_events AS e
    WHERE e.user_id = b.user_id AND e.bucket = b.number
) AS first
CROSS JOIN LATERAL (
    SELECT greatest(
        (
            SELECT max(e.end_us)
            FROM watch_events AS e
            WHERE e.user_id = b.user_id AND e.bucket = b.number AND e.start_us >= first.latest_us - $4::bigint
        ),
        (
            SELECT max(e.end_us)
            FROM watch_lasting AS l
            CROSS JOIN LATERAL (
                -- The limit keeps the planner to the key.
                SELECT * FROM watch_events AS e WHERE e.user_id = l.user_id AND e.bucket = l.bucket AND e.id = l.id LIMIT 1
            ) AS e
            WHERE l.user_id = b.user_id AND l.bucket = b.number
        )
    ) AS end_us
) AS last
WHERE b.user_id = $1 AND b.device_id = $2 AND ($3::text IS NULL OR b.id = $3)
ORDER BY b.id
