-- The open pieces of some people.
SELECT user_id, device_id, attention, precedence, app_name, domain, start_time, end_time
FROM usage_open
WHERE user_id = ANY ($1::uuid[])
