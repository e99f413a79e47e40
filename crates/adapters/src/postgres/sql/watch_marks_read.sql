SELECT id, start_ms, end_ms, precedence
FROM watch_marks
WHERE user_id = $1 AND device_id = $2 AND start_ms < $3
ORDER BY start_ms, id
LIMIT $4
