-- All events of a person that start in a window, and where each is from.
SELECT b.device_id, b.id, b.hostname, e.id, e.start_us, e.end_us, e.app_name, e.domain, e.is_here
FROM watch_buckets AS b
CROSS JOIN LATERAL (
    SELECT *
    FROM watch_events AS e
    WHERE e.user_id = b.user_id AND e.bucket = b.number AND e.start_us >= $2 AND e.start_us < $3
    -- Apart, so that it is searched bucket by bucket, by the key.
    OFFSET 0
) AS e
WHERE b.user_id = $1
ORDER BY e.start_us, b.number, e.id
