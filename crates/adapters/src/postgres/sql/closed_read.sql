-- The closed pieces of some people around new claims: for each UTC day of a person, those of that day which overlap or touch the claims' stretch.
-- A piece starts in its own day, so the key is searched between two bounds, and no piece is found for two days. The overall bounds say nothing new; they let
-- partitions be left out before the search starts. The order keeps the planner to the key: a partition that is new looks empty to it, and without the order
-- it would compare every row with every stretch, or search the index of the exclusion constraint.
SELECT piece.user_id, piece.device_id, piece.attention, piece.precedence, piece.app_name, piece.domain, piece.start_time, piece.end_time, piece.beat_at
FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::timestamptz[]) AS near (user_id, day_start, stretch_start, before)
CROSS JOIN LATERAL (
    SELECT user_id, device_id, attention, precedence, app_name, domain, start_time, end_time, beat_at
    FROM app_usage
    WHERE user_id = near.user_id
        AND start_time >= near.day_start
        AND start_time < near.before
        AND end_time >= near.stretch_start
        AND start_time >= $5
        AND start_time < $6
    ORDER BY start_time
) AS piece
