-- Some of the events that ended before an instant, by their starts: what ended before it started before it.
DELETE FROM watch_events
WHERE (user_id, bucket, id) IN (
    SELECT user_id, bucket, id
    FROM watch_events
    WHERE start_us < $1 AND end_us < $1
    ORDER BY start_us
    LIMIT $2
)
