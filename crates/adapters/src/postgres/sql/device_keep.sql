-- A device that signs in. A new one gets a precedence above that of all others of the person. So does one that is known, unless it has that already or the
-- person has ordered their devices ($7). The person's row is locked, so no other device gets the same. No row when the device would be one too many.
INSERT INTO devices (id, user_id, key, name, platform, precedence, last_seen_at, last_address, created_at)
SELECT $1, $2, $3, coalesce($4, $3), $5, coalesce(max(precedence), 0) + 1, $6, $8, $6
FROM devices
WHERE user_id = $2
HAVING count(*) < $9 OR bool_or(key = $3)
ON CONFLICT (user_id, key) DO UPDATE
SET name = coalesce($4, devices.name),
    platform = coalesce($5, devices.platform),
    precedence = CASE
        WHEN NOT $7 AND EXISTS (
            SELECT FROM devices AS other
            WHERE other.user_id = devices.user_id AND other.id <> devices.id AND other.precedence >= devices.precedence
        ) THEN excluded.precedence
        ELSE devices.precedence
    END,
    last_seen_at = excluded.last_seen_at,
    last_address = excluded.last_address
RETURNING id, key, name, platform, precedence
