INSERT INTO privacy_rules (user_id, version, subjects, patterns, actions, new_names)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (user_id) DO UPDATE SET version = excluded.version, subjects = excluded.subjects, patterns = excluded.patterns,
    actions = excluded.actions, new_names = excluded.new_names
