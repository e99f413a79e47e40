-- Makes a bucket, unless there is one of that name, the device has as many as it may, or the person was erased a moment ago: whether it did, whether there is
-- one, and how many there were.
WITH known AS (
    SELECT count(*) AS buckets FROM watch_buckets WHERE user_id = $1 AND device_id = $2
), made AS (
    INSERT INTO watch_buckets (user_id, device_id, id, kind, client, hostname, created_us, kept_at)
    SELECT $1, $2, $3, $4, $5, $6, $7, $8
    FROM known
    WHERE buckets < $9 AND EXISTS (SELECT FROM users WHERE id = $1)
    ON CONFLICT (user_id, device_id, id) DO NOTHING
    RETURNING 1
)
SELECT EXISTS (SELECT FROM made) AS is_made,
    EXISTS (SELECT FROM watch_buckets WHERE user_id = $1 AND device_id = $2 AND id = $3) AS is_there,
    (SELECT buckets FROM known) AS buckets
