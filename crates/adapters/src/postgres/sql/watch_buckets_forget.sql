DELETE FROM watch_buckets AS b
WHERE kept_at < $1 AND NOT EXISTS (SELECT FROM watch_events AS e WHERE e.user_id = b.user_id AND e.bucket = b.number)
