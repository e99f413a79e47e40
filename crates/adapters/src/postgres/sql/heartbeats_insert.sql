-- Points that are not there yet: whoever writes them holds the lock of their person, and has looked.
INSERT INTO heartbeats (
    user_id, device_id, at, digest, attention, precedence, patience_ms, app_name, domain, kind,
    category, project, branch, language, last_project, last_branch, last_language, editor, machine, operating_system, is_write
)
SELECT user_id, device_id, at, digest, attention, precedence, patience_ms, app_name, domain, kind,
    category, project, branch, language, last_project, last_branch, last_language, editor, machine, operating_system, is_write
FROM unnest(
    $1::uuid[], $2::uuid[], $3::timestamptz[], $4::bytea[], $5::smallint[], $6::integer[], $7::integer[], $8::text[], $9::text[], $10::text[],
    $11::text[], $12::text[], $13::text[], $14::text[], $15::boolean[], $16::boolean[], $17::boolean[], $18::text[], $19::text[], $20::text[], $21::boolean[]
) AS point (
    user_id, device_id, at, digest, attention, precedence, patience_ms, app_name, domain, kind,
    category, project, branch, language, last_project, last_branch, last_language, editor, machine, operating_system, is_write
)
