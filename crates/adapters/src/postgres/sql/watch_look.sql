-- What is to be seen of a bucket before its events change, each event with why: 0 starts last at an instant or before, 1 starts after it, 2 was asked for by its
-- number, 3 by its start. One row without an event for a bucket of which there is nothing to be seen.
SELECT b.kind, b.version, b.last_id, e.why, e.id, e.start_us, e.end_us, e.app_name, e.domain, e.is_here, first.id AS first_id
FROM watch_buckets AS b
LEFT JOIN LATERAL (
    SELECT e.id FROM watch_events AS e WHERE e.user_id = b.user_id AND e.bucket = b.number ORDER BY e.id LIMIT 1
) AS first ON true
LEFT JOIN LATERAL (
    (
        SELECT 0 AS why, *
        FROM watch_events AS e
        WHERE e.user_id = b.user_id AND e.bucket = b.number AND e.start_us <= $4
        ORDER BY e.start_us DESC, e.id DESC
        LIMIT 1
    )
    UNION ALL
    (
        SELECT 1 AS why, *
        FROM watch_events AS e
        WHERE e.user_id = b.user_id AND e.bucket = b.number AND e.start_us > $4 AND e.start_us <= $5
        ORDER BY e.start_us, e.id
        LIMIT $6
    )
    UNION ALL
    SELECT 2 AS why, *
    FROM watch_events AS e
    WHERE e.user_id = b.user_id AND e.bucket = b.number AND e.id = ANY ($7)
    UNION ALL
    SELECT 3 AS why, same.*
    FROM unnest($8::bigint[]) AS sent (start_us)
    CROSS JOIN LATERAL (
        SELECT *
        FROM watch_events AS e
        WHERE e.user_id = b.user_id AND e.bucket = b.number AND e.start_us = sent.start_us
        ORDER BY e.id
        LIMIT $9
    ) AS same
) AS e ON true
WHERE b.user_id = $1 AND b.device_id = $2 AND b.id = $3
