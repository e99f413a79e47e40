-- Some of a person's events, and how many that were: few enough at a time that the statement stays within its bound.
WITH gone AS (
    DELETE FROM watch_events
    WHERE user_id = $1 AND (bucket, id) IN (
        SELECT bucket, id FROM watch_events WHERE user_id = $1 ORDER BY bucket, id LIMIT $2
    )
    RETURNING 1
)
SELECT count(*) FROM gone
