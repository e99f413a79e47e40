-- One more closed row for each person, half a second long.
INSERT INTO app_usage (user_id, device_id, attention, precedence, app_name, domain, start_time, end_time)
SELECT user_id, device_id, 1, 1, 'Firefox', 'docs.example.org',
    to_timestamp($3::double precision), to_timestamp($3::double precision) + interval '0.5 seconds'
FROM unnest($1::uuid[], $2::uuid[]) AS person (user_id, device_id)
