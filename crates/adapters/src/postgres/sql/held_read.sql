-- Those of the rows of pieces_read that heartbeats hold, in few rows as in stints_read: one for all pieces of one rank and label but for the heartbeat's instant.
SELECT device_id, attention, precedence, app_name, domain, array_agg(beat_at), array_agg(start_time), array_agg(end_time)
FROM (
    (
        SELECT device_id, attention, precedence, app_name, domain, beat_at, start_time, end_time
        FROM app_usage
        WHERE user_id = $1 AND start_time >= $2 AND start_time < $3 AND end_time > $4 AND beat_at IS NOT NULL
        ORDER BY start_time
    )
    UNION ALL
    SELECT device_id, attention, precedence, app_name, domain, beat_at, start_time, end_time
    FROM usage_open
    WHERE user_id = $1 AND start_time < $3 AND end_time > $4 AND beat_at IS NOT NULL
) AS piece
GROUP BY device_id, attention, precedence, app_name, domain
