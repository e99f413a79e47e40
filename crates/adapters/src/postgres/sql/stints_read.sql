-- The same rows as pieces_read, as sums need them: one row for each device and label, with the starts and ends of all pieces in an order that is the same for both.
-- Hundreds of thousands of pieces in a year have a few dozen labels a month, and rows are what costs the reader.
SELECT device_id, app_name, domain, array_agg(start_time), array_agg(end_time)
FROM (
    (
        SELECT device_id, app_name, domain, start_time, end_time
        FROM app_usage
        WHERE user_id = $1 AND start_time >= $2 AND start_time < $3 AND end_time > $4
        ORDER BY start_time
    )
    UNION ALL
    SELECT device_id, app_name, domain, start_time, end_time
    FROM usage_open
    WHERE user_id = $1 AND start_time < $3 AND end_time > $4
) AS piece
GROUP BY device_id, app_name, domain
