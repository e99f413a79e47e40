SELECT count(*)
FROM watch_buckets AS b
JOIN watch_events AS e ON e.user_id = b.user_id AND e.bucket = b.number AND e.start_us >= $4 - b.longest_us AND e.start_us <= $5 AND e.end_us >= $4
WHERE b.user_id = $1 AND b.device_id = $2 AND b.id = $3
