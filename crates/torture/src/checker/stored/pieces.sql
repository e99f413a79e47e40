-- All pieces of a person, as they are: whole milliseconds, in the order of time.
SELECT device_id, attention, precedence, app_name, domain,
    (extract(epoch FROM start_time) * 1000)::bigint AS start_ms,
    (extract(epoch FROM end_time) * 1000)::bigint AS end_ms,
    is_open
FROM (
    SELECT device_id, attention, precedence, app_name, domain, start_time, end_time, false AS is_open
    FROM app_usage WHERE user_id = $1
    UNION ALL
    SELECT device_id, attention, precedence, app_name, domain, start_time, end_time, true
    FROM usage_open WHERE user_id = $1
) AS pieces
ORDER BY start_time, end_time
