-- Two sources of imported history as they were before a source had a time-out: one with points of two time-outs, one without any.
ALTER TABLE import_devices DROP COLUMN heartbeat_timeout_secs;

INSERT INTO users (id, email, full_name, timezone, day_start_secs, password_hash, created_at, heartbeat_timeout_secs)
VALUES ('00000000-0000-0000-0000-000000000001', 'ada@example.org', 'Ada', 'UTC', 0, 'x', now(), 1200);

INSERT INTO import_devices (id, user_id, source, name, precedence, made_at, used_at)
SELECT ('00000000-0000-0000-0000-00000000000' || number)::uuid, '00000000-0000-0000-0000-000000000001', number::text, 'n', -number, now(), now()
FROM generate_series(1, 2) AS number;

INSERT INTO heartbeats (user_id, at, device_id, digest, attention, precedence, patience_ms, app_name, kind, last_project, last_branch, last_language)
SELECT
    '00000000-0000-0000-0000-000000000001', now() + make_interval(mins => minute), '00000000-0000-0000-0000-000000000001',
    decode(repeat('00', 16), 'hex'), 1, 0, CASE WHEN minute < 2 THEN 600000 ELSE 900000 END, 'a', 'file', false, false, false
FROM generate_series(0, 4) AS minute;
