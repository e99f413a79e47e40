-- Some of the events that ended before an instant, of each bucket those that start first: what ended before it started before it.
DELETE FROM watch_events
WHERE (user_id, bucket, id) IN (
    SELECT old.user_id, old.bucket, old.id
    FROM watch_buckets AS b
    CROSS JOIN LATERAL (
        SELECT e.user_id, e.bucket, e.id
        FROM watch_events AS e
        WHERE e.user_id = b.user_id AND e.bucket = b.number AND e.start_us < $1 AND e.end_us < $1
        ORDER BY e.start_us, e.id
        LIMIT $2
    ) AS old
    LIMIT $2
)
