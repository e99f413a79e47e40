-- A change of a bucket's events, with which of them last for long, and the marks of what it touched, unless the bucket is not as it was seen: how many buckets that were.
WITH bucket AS (
    UPDATE watch_buckets SET version = version + 1, last_id = $5, kept_at = $7
    WHERE user_id = $1 AND device_id = $2 AND id = $3 AND version = $4
    RETURNING number
), gone AS (
    DELETE FROM watch_events AS e
    USING bucket
    WHERE e.user_id = $1 AND e.bucket = bucket.number AND e.id = ANY ($8)
), put AS (
    INSERT INTO watch_events (user_id, bucket, id, start_us, end_us, app_name, domain, is_here)
    SELECT $1, bucket.number, new.id, new.start_us, new.end_us, new.app_name, new.domain, new.is_here
    FROM bucket,
        unnest($9::bigint[], $10::bigint[], $11::bigint[], $12::text[], $13::text[], $14::boolean[])
            AS new (id, start_us, end_us, app_name, domain, is_here)
    ON CONFLICT (user_id, bucket, id) DO UPDATE
    SET start_us = excluded.start_us, end_us = excluded.end_us,
        app_name = excluded.app_name, domain = excluded.domain, is_here = excluded.is_here
), lasting AS (
    INSERT INTO watch_lasting (user_id, bucket, id)
    SELECT $1, bucket.number, new.id
    FROM bucket, unnest($9::bigint[], $10::bigint[], $11::bigint[]) AS new (id, start_us, end_us)
    WHERE new.end_us - new.start_us > $6
    ON CONFLICT DO NOTHING
), marked AS (
    INSERT INTO watch_marks (user_id, device_id, start_ms, end_ms, precedence, marked_at)
    SELECT $1, $2, new.start_ms, new.end_ms, $17, $7
    FROM bucket, unnest($15::bigint[], $16::bigint[]) AS new (start_ms, end_ms)
)
SELECT count(*) FROM bucket
