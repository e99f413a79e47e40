-- What each person wants kept from the record, whichever device sends it.

-- One row with all rules of a person, who has 500 at most: they are read and changed together. What stands at one place of the four arrays is one rule.
CREATE TABLE privacy_rules (
    user_id uuid NOT NULL,
    -- Counts up with each change.
    version bigint NOT NULL,
    subjects text[] NOT NULL,
    patterns text[] NOT NULL,
    actions text[] NOT NULL,
    -- NULL where the action gives none.
    new_names text[] NOT NULL,
    CONSTRAINT privacy_rules_pkey PRIMARY KEY (user_id),
    -- The rules go with their person.
    CONSTRAINT privacy_rules_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT privacy_rules_version_range CHECK (version >= 1),
    CONSTRAINT privacy_rules_count CHECK (
        cardinality(subjects) <= 500 AND cardinality(patterns) = cardinality(subjects)
        AND cardinality(actions) = cardinality(subjects) AND cardinality(new_names) = cardinality(subjects)
    ),
    CONSTRAINT privacy_rules_subjects_known CHECK (subjects <@ ARRAY['app', 'site']),
    CONSTRAINT privacy_rules_actions_known CHECK (actions <@ ARRAY['exclude', 'rename', 'hide']),
    CONSTRAINT privacy_rules_patterns_given CHECK (array_position(patterns, NULL) IS NULL)
);

SELECT isolate_table('privacy_rules');

CREATE POLICY privacy_rules_own ON privacy_rules TO daybook_api
    USING (user_id = (SELECT current_user_id())) WITH CHECK (user_id = (SELECT current_user_id()));

GRANT SELECT, INSERT, UPDATE ON privacy_rules TO daybook_api;

-- Of how many things an entry speaks, where that is part of what happened: of rules, how many there are since. What they say is nobody's business.
ALTER TABLE audit_log
    ADD COLUMN count integer,
    ADD CONSTRAINT audit_log_count_range CHECK (count >= 0);
