-- The newest pieces of people for whom another piece is the newest now. No index changes here either. Apart from those who have none yet: an insert that turns
-- into an update locks the row first, and so writes it twice.
UPDATE usage_open
SET device_id = piece.device_id,
    attention = piece.attention,
    precedence = piece.precedence,
    app_name = piece.app_name,
    domain = piece.domain,
    start_time = piece.start_time,
    end_time = piece.end_time,
    beat_at = piece.beat_at,
    numbered_by = piece.numbered_by,
    merged_through = piece.merged_through
FROM unnest(
    $1::uuid[], $2::uuid[], $3::smallint[], $4::integer[], $5::text[], $6::text[], $7::timestamptz[], $8::timestamptz[], $9::timestamptz[], $10::uuid[], $11::bigint[]
) AS piece (user_id, device_id, attention, precedence, app_name, domain, start_time, end_time, beat_at, numbered_by, merged_through)
WHERE usage_open.user_id = piece.user_id
