-- One row of one person in every table with a user id, written as the owner: whoever adds such a table adds a row here, or the tests of isolation fail.
-- {user} is the person's id; {n} is a digit of theirs, to make what must be unique.
INSERT INTO users (id, email, full_name, timezone, day_start_secs, password_hash, created_at)
VALUES ('{user}', 'person{n}@example.org', 'Person', 'UTC', 0, 'h', now());

INSERT INTO devices (id, user_id, key, name, platform, precedence, last_seen_at, created_at)
VALUES ('{user}', '{user}', 'k', 'n', NULL, 1, now(), now());

INSERT INTO sessions (id, user_id, device_id, refresh_hash, previous_hash, created_at, refreshed_at, expires_at)
VALUES ('{user}', '{user}', '{user}', sha256('{n}'), NULL, now(), now(), now() + interval '1 day');

INSERT INTO app_usage (user_id, device_id, attention, precedence, app_name, domain, start_time, end_time)
VALUES ('{user}', '{user}', 1, 1, 'a', NULL, '2026-03-31 10:00Z', '2026-03-31 11:00Z'),
    ('{user}', '{user}', 1, 1, 'a', NULL, '2026-04-01 10:00Z', '2026-04-01 11:00Z');

INSERT INTO usage_open (user_id, device_id, attention, precedence, app_name, domain, start_time, end_time)
VALUES ('{user}', '{user}', 1, 1, 'a', NULL, '2026-04-02 10:00Z', '2026-04-02 11:00Z');

INSERT INTO usage_progress (user_id, device_id, merged_through, ahead) VALUES ('{user}', '{user}', 1, '{}');
