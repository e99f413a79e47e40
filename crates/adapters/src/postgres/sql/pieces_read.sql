-- One person's pieces that hold an instant of a window. One statement sees one state of both tables, so a piece that is being closed is neither missed nor
-- seen twice. A piece starts in its own UTC day: $2 is the start of that in which the window starts. The order keeps the planner to the key, see closed_read.
(
    SELECT user_id, device_id, attention, precedence, app_name, domain, start_time, end_time, beat_at
    FROM app_usage
    WHERE user_id = $1 AND start_time >= $2 AND start_time < $3 AND end_time > $4
    ORDER BY start_time
)
UNION ALL
SELECT user_id, device_id, attention, precedence, app_name, domain, start_time, end_time, beat_at
FROM usage_open
WHERE user_id = $1 AND start_time < $3 AND end_time > $4
