-- One row of one person in every table with a user id, written as the owner: whoever adds such a table adds a row here, or the tests of isolation fail.
-- {user} is the person's id; {n} is a digit of theirs, to make what must be unique.
INSERT INTO users (id, email, full_name, timezone, day_start_secs, password_hash, created_at)
VALUES ('{user}', 'person{n}@example.org', 'Person', 'UTC', 0, 'h', now());

INSERT INTO devices (id, user_id, key, name, platform, precedence, last_seen_at, created_at)
VALUES ('{user}', '{user}', 'k', 'n', NULL, 1, now(), now());

INSERT INTO sessions (id, user_id, device_id, used_hash, next_hashes, created_at, refreshed_at, expires_at)
VALUES ('{user}', '{user}', '{user}', NULL, ARRAY[sha256('{n}')], now(), now(), now() + interval '1 day');

INSERT INTO app_usage (user_id, device_id, attention, precedence, app_name, domain, start_time, end_time)
VALUES ('{user}', '{user}', 1, 1, 'a', NULL, '2026-03-31 10:00Z', '2026-03-31 11:00Z'),
    ('{user}', '{user}', 1, 1, 'a', NULL, '2026-04-01 10:00Z', '2026-04-01 11:00Z');

INSERT INTO usage_open (user_id, device_id, attention, precedence, app_name, domain, start_time, end_time)
VALUES ('{user}', '{user}', 1, 1, 'a', NULL, '2026-04-02 10:00Z', '2026-04-02 11:00Z');

INSERT INTO usage_progress (user_id, device_id, merged_through, ahead) VALUES ('{user}', '{user}', 1, '{}');

INSERT INTO heartbeats (
    user_id, device_id, at, digest, attention, precedence, patience_ms, app_name, kind, last_project, last_branch, last_language
) VALUES ('{user}', '{user}', '2026-04-02 10:00Z', substr(sha256('{n}'), 1, 16), 1, 1, 600000, 'a', 'file', false, true, false);

INSERT INTO usage_erased (user_id, erased_at, device_ids) VALUES ('{user}', now(), '{{user}}');

INSERT INTO api_keys (id, user_id, device_id, name, hash, scopes, created_at)
VALUES ('{user}', '{user}', '{user}', 'n', sha256('{n}'), '{pings:write}', now());

INSERT INTO second_factors (user_id, secret, confirmed, last_step, created_at)
VALUES ('{user}', substr(sha256('{n}'), 1, 20), true, 1, now());

INSERT INTO recovery_codes (user_id, hash) VALUES ('{user}', sha256('{n}'));

INSERT INTO password_resets (user_id, hash, created_at, expires_at) VALUES ('{user}', sha256('{n}'), now(), now());

INSERT INTO device_codes (device_hash, user_hash, key, asked_at, expires_at, interval_secs, user_id, approved)
VALUES (sha256('d{n}'), sha256('{n}'), 'k', now(), now(), 5, '{user}', false);

INSERT INTO audit_log (id, user_id, at, event, device_id, session_id, address) VALUES ('{user}', '{user}', now(), 'signed_in', NULL, NULL, NULL);

INSERT INTO privacy_rules (user_id, version, subjects, patterns, actions, new_names) VALUES ('{user}', 1, '{app}', '{a}', '{hide}', '{NULL}');

INSERT INTO import_devices (id, user_id, source, name, precedence, made_at, used_at) VALUES ('{user}', '{user}', 's', 's', 0, now(), now());
INSERT INTO watch_buckets (user_id, device_id, id, kind, client, hostname, created_us, kept_at)
VALUES ('{user}', '{user}', 'w', 'currentwindow', 'c', 'h', 0, now());

INSERT INTO watch_events (user_id, bucket, id, start_us, end_us, app_name)
SELECT user_id, number, 1, 0, 1, 'a' FROM watch_buckets WHERE user_id = '{user}';

INSERT INTO watch_lasting (user_id, bucket, id)
SELECT user_id, bucket, id FROM watch_events WHERE user_id = '{user}';

INSERT INTO watch_marks (user_id, device_id, start_ms, end_ms, precedence, marked_at) VALUES ('{user}', '{user}', 0, 1, 1, now());
