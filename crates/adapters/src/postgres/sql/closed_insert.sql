INSERT INTO app_usage (user_id, device_id, attention, precedence, app_name, domain, start_time, end_time, beat_at)
SELECT user_id, device_id, attention, precedence, app_name, domain, start_time, end_time, beat_at
FROM unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::integer[], $5::text[], $6::text[], $7::timestamptz[], $8::timestamptz[], $9::timestamptz[])
    AS piece (user_id, device_id, attention, precedence, app_name, domain, start_time, end_time, beat_at)
