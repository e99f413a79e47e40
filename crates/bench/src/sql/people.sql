-- People, each signed in on one device, all at once: registering them would measure how slow a password's hash is meant to be.
-- Nobody can sign in as one of them: what stands for the password is the hash of none.
WITH person AS (
    SELECT user_id, device_id, session_id, timezone
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[]) AS person (user_id, device_id, session_id, timezone)
), kept_user AS (
    INSERT INTO users (id, email, full_name, timezone, day_start_secs, password_hash, created_at)
    SELECT user_id, user_id || '@example.org', 'Bench', timezone, 0, '!', now()
    FROM person
), kept_device AS (
    INSERT INTO devices (id, user_id, key, name, platform, precedence, last_seen_at, created_at)
    SELECT device_id, user_id, 'bench', 'bench', NULL, 1, now(), now()
    FROM person
)
INSERT INTO sessions (id, user_id, device_id, next_hashes, created_at, refreshed_at, expires_at)
SELECT session_id, user_id, device_id, ARRAY[decode(repeat('00', 32), 'hex')], now(), now(), now() + interval '1 day'
FROM person
