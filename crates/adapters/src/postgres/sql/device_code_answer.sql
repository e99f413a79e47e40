-- The first answer is the one that counts.
UPDATE device_codes
SET user_id = $2, approved = $3, password_version = CASE WHEN $3 THEN $4::integer END
WHERE user_hash = $1 AND user_id IS NULL AND expires_at > $5
