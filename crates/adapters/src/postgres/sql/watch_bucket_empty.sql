-- Some of a bucket's events, and how many that were: few enough at a time that the statement ends fast.
WITH gone AS (
    DELETE FROM watch_events
    WHERE user_id = $1 AND (bucket, id) IN (
        SELECT e.bucket, e.id
        FROM watch_buckets AS b
        JOIN watch_events AS e ON e.user_id = b.user_id AND e.bucket = b.number
        WHERE b.user_id = $1 AND b.device_id = $2 AND b.id = $3
        ORDER BY e.bucket, e.id
        LIMIT $4
    )
    RETURNING 1
)
SELECT count(*) FROM gone
