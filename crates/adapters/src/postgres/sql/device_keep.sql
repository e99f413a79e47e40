-- A device that signs in, with a precedence above that of all others of the person: its own where it has that already, so that a device that is the last to
-- have signed in keeps its rank. The person's row is locked, so no other device gets the same.
INSERT INTO devices (id, user_id, key, name, platform, precedence, last_seen_at, created_at)
SELECT $1, $2, $3, coalesce($4, $3), $5, coalesce(max(precedence), 0) + 1, $6, $6
FROM devices
WHERE user_id = $2
ON CONFLICT (user_id, key) DO UPDATE
SET name = coalesce($4, devices.name),
    platform = coalesce($5, devices.platform),
    precedence = CASE
        WHEN EXISTS (
            SELECT FROM devices AS other
            WHERE other.user_id = devices.user_id AND other.id <> devices.id AND other.precedence >= devices.precedence
        ) THEN excluded.precedence
        ELSE devices.precedence
    END,
    last_seen_at = excluded.last_seen_at
RETURNING id, key, name, platform, precedence
