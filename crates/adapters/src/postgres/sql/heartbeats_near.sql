-- The points of some devices around new ones: what a merge needs of those that are there. The key is searched between two bounds for each stretch; stretches of
-- a device do not overlap, so no point is found twice. The order keeps the planner to the key, see closed_read.
SELECT point.user_id, point.device_id, point.at, point.digest, point.attention, point.precedence, point.patience_ms, point.app_name, point.domain
FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::timestamptz[]) AS near (user_id, device_id, stretch_start, before)
CROSS JOIN LATERAL (
    SELECT user_id, device_id, at, digest, attention, precedence, patience_ms, app_name, domain
    FROM heartbeats
    WHERE user_id = near.user_id
        AND at >= near.stretch_start
        AND at < near.before
        AND device_id = near.device_id
    ORDER BY at
) AS point
