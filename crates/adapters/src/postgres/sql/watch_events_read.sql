-- Those of a window: what overlaps it starts at most so long before it as the longest event of the bucket lasts.
SELECT e.id, e.start_us, e.end_us, e.app_name, e.domain, e.is_here
FROM watch_buckets AS b
CROSS JOIN LATERAL (
    SELECT *
    FROM watch_events AS e
    WHERE e.user_id = b.user_id AND e.bucket = b.number AND e.start_us >= $4 - b.longest_us AND e.start_us <= $5 AND e.end_us >= $4
    ORDER BY e.start_us DESC, e.id DESC
    LIMIT $6
) AS e
WHERE b.user_id = $1 AND b.device_id = $2 AND b.id = $3
ORDER BY e.start_us DESC, e.id DESC
