-- The token that was shown is the one before its successor, also where it was that already: the successor that got lost is none any more.
UPDATE sessions
SET previous_hash = $2, refresh_hash = $3, refreshed_at = $4, expires_at = $5
WHERE id = $1
