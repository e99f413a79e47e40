-- The newest pieces of people of whom nothing is stored yet.
INSERT INTO usage_open (user_id, device_id, attention, precedence, app_name, domain, start_time, end_time, beat_at, numbered_by, merged_through)
SELECT user_id, device_id, attention, precedence, app_name, domain, start_time, end_time, beat_at, numbered_by, merged_through
FROM unnest(
    $1::uuid[], $2::uuid[], $3::smallint[], $4::integer[], $5::text[], $6::text[], $7::timestamptz[], $8::timestamptz[], $9::timestamptz[], $10::uuid[], $11::bigint[]
) AS piece (user_id, device_id, attention, precedence, app_name, domain, start_time, end_time, beat_at, numbered_by, merged_through)
