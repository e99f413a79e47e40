SELECT user_id, device_id
FROM watch_marks
WHERE marked_at < $1 AND start_ms < $2
GROUP BY user_id, device_id
ORDER BY min(marked_at)
LIMIT $3
