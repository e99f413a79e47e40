SELECT person.id, person.email, person.full_name, person.timezone, person.day_start_secs, person.created_at,
    person.heartbeat_timeout_secs, person.password_hash, person.password_version, person.disabled_at IS NOT NULL, factor.secret, factor.last_step
FROM users AS person
LEFT JOIN second_factors AS factor ON factor.user_id = person.id AND factor.confirmed
WHERE person.email = $1
