-- The open row of each person lasts until $3.
UPDATE usage_open
SET device_id = person.device_id, end_time = to_timestamp($3::double precision) + interval '1 second'
FROM unnest($1::uuid[], $2::uuid[]) AS person (user_id, device_id)
WHERE usage_open.user_id = person.user_id
