-- The open pieces of some people, each with the number that stands beside it.
SELECT user_id, device_id, attention, precedence, app_name, domain, start_time, end_time, beat_at, numbered_by, merged_through
FROM usage_open
WHERE user_id = ANY ($1::uuid[])
