-- Pieces of people's time: one in each of a person's slots from number $5 up to $6, where slot n begins n times $4 seconds after $3 (in seconds since
-- 1970). It has at most 45 minutes and a gap on either side, and is cut at UTC midnight. Written in the order of time, as they would have come, so that one person's rows
-- are as scattered as they really are.
INSERT INTO app_usage (user_id, device_id, attention, precedence, app_name, domain, start_time, end_time)
SELECT user_id, device_id, 1, 1,
    CASE WHEN app < 16 THEN 'Application ' || app ELSE 'Browser' END,
    CASE WHEN app < 16 THEN NULL ELSE 'site-' || app || '.example.org' END,
    start_time,
    least(
        start_time + date_trunc('milliseconds', length),
        (date_trunc('day', start_time AT TIME ZONE 'UTC') + interval '1 day') AT TIME ZONE 'UTC'
    )
FROM unnest($1::uuid[], $2::uuid[]) AS person (user_id, device_id)
CROSS JOIN generate_series($5::integer, $6::integer - 1) AS slot
CROSS JOIN LATERAL (
    SELECT
        date_trunc('milliseconds', to_timestamp($3::double precision) + $4::double precision * (slot + 0.3 * random()) * interval '1 second') AS start_time,
        least($4 * 0.6, 2700) * (0.1 + 0.9 * random()) * interval '1 second' AS length,
        -- The slot and the person stand here so that each piece has an app of its own.
        (hashtext(user_id::text || slot) & 1023) % 24 AS app
) AS piece
ORDER BY start_time
