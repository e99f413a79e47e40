-- An array of arrays must be a rectangle, so all stretches come in one array, with the number of its own for each device.
INSERT INTO usage_progress (user_id, device_id, merged_through, ahead)
SELECT user_id, device_id, merged_through, ($5::bigint[])[ahead_from + 1 : ahead_from + ahead_count]
FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::integer[], $6::integer[])
    AS progress (user_id, device_id, merged_through, ahead_from, ahead_count)
ON CONFLICT (user_id, device_id) DO UPDATE
SET merged_through = excluded.merged_through,
    ahead = excluded.ahead
