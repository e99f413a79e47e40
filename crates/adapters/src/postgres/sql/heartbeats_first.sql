-- When a person's first point is. The order keeps the planner to the key, see closed_read.
SELECT at
FROM heartbeats
WHERE user_id = $1
ORDER BY at
LIMIT 1
