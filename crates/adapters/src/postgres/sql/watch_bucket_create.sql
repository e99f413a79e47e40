-- Makes a bucket, unless there is one of that name, the device has as many as it may, or the person was erased a moment ago: whether it did, whether there is
-- one, and how many there were. Where the device has as many as it may, the empty one that is silent for longest gives way, if it is for long enough.
WITH known AS (
    SELECT count(*) AS buckets, coalesce(bool_or(id = $3), false) AS is_there FROM watch_buckets WHERE user_id = $1 AND device_id = $2
), gone AS (
    DELETE FROM watch_buckets
    WHERE user_id = $1 AND number = (
        SELECT b.number
        FROM known, watch_buckets AS b
        WHERE known.buckets >= $9 AND NOT known.is_there AND b.user_id = $1 AND b.device_id = $2 AND b.kept_at < $10
            AND NOT EXISTS (SELECT FROM watch_events AS e WHERE e.user_id = b.user_id AND e.bucket = b.number)
        ORDER BY b.kept_at, b.number
        LIMIT 1
    )
    RETURNING 1
), made AS (
    INSERT INTO watch_buckets (user_id, device_id, id, kind, client, hostname, created_us, kept_at)
    SELECT $1, $2, $3, $4, $5, $6, $7, $8
    FROM known
    WHERE (buckets < $9 OR EXISTS (SELECT FROM gone)) AND EXISTS (SELECT FROM users WHERE id = $1)
    ON CONFLICT (user_id, device_id, id) DO NOTHING
    RETURNING 1
)
SELECT EXISTS (SELECT FROM made) AS is_made,
    EXISTS (SELECT FROM watch_buckets WHERE user_id = $1 AND device_id = $2 AND id = $3) AS is_there,
    (SELECT buckets FROM known) AS buckets
