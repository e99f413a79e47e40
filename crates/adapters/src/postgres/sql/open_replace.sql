-- The newest pieces of people for whom another piece is the newest now, or any at all for the first time.
INSERT INTO usage_open (user_id, device_id, attention, precedence, app_name, domain, start_time, end_time)
SELECT user_id, device_id, attention, precedence, app_name, domain, start_time, end_time
FROM unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::integer[], $5::text[], $6::text[], $7::timestamptz[], $8::timestamptz[])
    AS piece (user_id, device_id, attention, precedence, app_name, domain, start_time, end_time)
ON CONFLICT (user_id) DO UPDATE
SET device_id = excluded.device_id,
    attention = excluded.attention,
    precedence = excluded.precedence,
    app_name = excluded.app_name,
    domain = excluded.domain,
    start_time = excluded.start_time,
    end_time = excluded.end_time
