-- What makes an account one that can be trusted: sessions that survive lost answers, API keys, second factors, resets, and a log that nobody can rewrite.

ALTER TABLE users
    -- Counts up with each change of the password: a sign-in with the one before, under way meanwhile, is not kept.
    ADD COLUMN password_version integer NOT NULL DEFAULT 1,
    -- Set while the operator keeps the account closed.
    ADD COLUMN disabled_at timestamptz,
    -- Whether the person has ordered their devices, so that signing in again moves none of them.
    ADD COLUMN devices_ordered boolean NOT NULL DEFAULT false;

ALTER TABLE devices
    ADD COLUMN last_address text COLLATE "C",
    ADD CONSTRAINT devices_last_address_length CHECK (char_length(last_address) BETWEEN 2 AND 45);

-- A session knows the token that was used last and every successor that was made for it and not used yet.
ALTER TABLE sessions RENAME COLUMN previous_hash TO used_hash;
ALTER TABLE sessions RENAME CONSTRAINT sessions_previous_hash_length TO sessions_used_hash_length;
ALTER TABLE sessions ADD COLUMN next_hashes bytea[];
UPDATE sessions SET next_hashes = ARRAY[refresh_hash];
ALTER TABLE sessions
    ALTER COLUMN next_hashes SET NOT NULL,
    DROP COLUMN refresh_hash,
    ADD CONSTRAINT sessions_next_hashes_count CHECK (cardinality(next_hashes) BETWEEN 1 AND 16);

-- Keys of trackers, each with a device of its own.
CREATE TABLE api_keys (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    device_id uuid NOT NULL,
    name text NOT NULL,
    hash bytea NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz,
    CONSTRAINT api_keys_pkey PRIMARY KEY (id),
    CONSTRAINT api_keys_hash_key UNIQUE (hash),
    CONSTRAINT api_keys_device_id_key UNIQUE (device_id),
    CONSTRAINT api_keys_device_fkey FOREIGN KEY (user_id, device_id) REFERENCES devices (user_id, id),
    CONSTRAINT api_keys_name_length CHECK (char_length(name) BETWEEN 1 AND 128),
    CONSTRAINT api_keys_hash_length CHECK (octet_length(hash) = 32),
    CONSTRAINT api_keys_scopes_known CHECK (
        cardinality(scopes) > 0 AND scopes <@ ARRAY['pings:write', 'reports:read']
    )
);
CREATE INDEX api_keys_user_id_idx ON api_keys (user_id);

-- At most one second factor of a person: it waits until a code of it was shown.
CREATE TABLE second_factors (
    user_id uuid NOT NULL,
    secret bytea NOT NULL,
    confirmed boolean NOT NULL,
    last_step bigint,
    created_at timestamptz NOT NULL,
    CONSTRAINT second_factors_pkey PRIMARY KEY (user_id),
    CONSTRAINT second_factors_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT second_factors_secret_length CHECK (octet_length(secret) = 20),
    CONSTRAINT second_factors_step_when_confirmed CHECK (confirmed = (last_step IS NOT NULL))
);

-- Codes that were not used yet.
CREATE TABLE recovery_codes (
    user_id uuid NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT recovery_codes_pkey PRIMARY KEY (user_id, hash),
    CONSTRAINT recovery_codes_user_id_fkey FOREIGN KEY (user_id) REFERENCES second_factors (user_id),
    CONSTRAINT recovery_codes_hash_length CHECK (octet_length(hash) = 32)
);

-- At most one mail of a person with which the password can be set anew.
CREATE TABLE password_resets (
    user_id uuid NOT NULL,
    hash bytea NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT password_resets_pkey PRIMARY KEY (user_id),
    CONSTRAINT password_resets_hash_key UNIQUE (hash),
    CONSTRAINT password_resets_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT password_resets_hash_length CHECK (octet_length(hash) = 32)
);

-- Who did what. Rows are added, and never changed; a person's go when the person is erased, and nobody's (somebody tried an address that nobody has) when
-- they are old. Nothing refers to devices and sessions, which may be gone.
CREATE TABLE audit_log (
    id uuid NOT NULL,
    user_id uuid,
    at timestamptz NOT NULL,
    event text COLLATE "C" NOT NULL,
    device_id uuid,
    session_id uuid,
    address text COLLATE "C",
    CONSTRAINT audit_log_pkey PRIMARY KEY (id),
    CONSTRAINT audit_log_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT audit_log_event_form CHECK (event ~ '^[a-z_]{1,64}$'),
    CONSTRAINT audit_log_address_length CHECK (char_length(address) BETWEEN 2 AND 45)
);
CREATE INDEX audit_log_user_id_id_idx ON audit_log (user_id, id);
CREATE INDEX audit_log_nobody_at_idx ON audit_log (at) WHERE user_id IS NULL;

CREATE FUNCTION audit_log_keep() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    IF TG_OP = 'DELETE' AND coalesce(OLD.user_id::text, 'nobody') = current_setting('daybook.erasing', true) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'the audit log can only be added to' USING ERRCODE = 'insufficient_privilege', TABLE = 'audit_log';
END;
$$;

CREATE TRIGGER audit_log_rows_stay
    BEFORE UPDATE OR DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION audit_log_keep();
CREATE TRIGGER audit_log_stays
    BEFORE TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_keep();

SELECT isolate_table(name::regclass)
FROM unnest(ARRAY['api_keys', 'second_factors', 'recovery_codes', 'password_resets', 'audit_log']) AS tables (name);

CREATE POLICY api_keys_own ON api_keys TO daybook_api
    USING (user_id = (SELECT current_user_id())) WITH CHECK (user_id = (SELECT current_user_id()));
-- Who shows a key has shown what its hash is made of; likewise the token of a mail.
CREATE POLICY api_keys_lookup ON api_keys FOR SELECT TO daybook_api
    USING (encode(hash, 'hex') = (SELECT current_lookup()));
CREATE POLICY second_factors_own ON second_factors TO daybook_api
    USING (user_id = (SELECT current_user_id())) WITH CHECK (user_id = (SELECT current_user_id()));
-- Who signs in is asked for it before they are known: found with the person, by their address.
CREATE POLICY second_factors_lookup ON second_factors FOR SELECT TO daybook_api
    USING (EXISTS (SELECT FROM users WHERE users.id = second_factors.user_id AND users.email = (SELECT current_lookup())));
CREATE POLICY recovery_codes_own ON recovery_codes TO daybook_api
    USING (user_id = (SELECT current_user_id())) WITH CHECK (user_id = (SELECT current_user_id()));
CREATE POLICY password_resets_own ON password_resets TO daybook_api
    USING (user_id = (SELECT current_user_id())) WITH CHECK (user_id = (SELECT current_user_id()));
CREATE POLICY password_resets_lookup ON password_resets FOR SELECT TO daybook_api
    USING (encode(hash, 'hex') = (SELECT current_lookup()));
-- A transaction that is for nobody may add what is nobody's, and sees nothing.
CREATE POLICY audit_log_own ON audit_log TO daybook_api
    USING (user_id = (SELECT current_user_id())) WITH CHECK (user_id IS NOT DISTINCT FROM (SELECT current_user_id()));

GRANT SELECT, INSERT, UPDATE, DELETE ON api_keys, second_factors, recovery_codes, password_resets TO daybook_api;
GRANT SELECT, INSERT ON audit_log TO daybook_api;

-- Everything of the person whom the transaction is for. By the owner, because nobody else may take anything from the log.
CREATE FUNCTION erase_account() RETURNS void
    LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = public, pg_temp
AS $$
DECLARE
    person CONSTANT uuid := current_user_id();
BEGIN
    PERFORM set_config('daybook.erasing', person::text, true);
    -- Who holds one of these rows may yet note something in the log, which the lock below would keep them from: so they go first.
    DELETE FROM recovery_codes WHERE user_id = person;
    DELETE FROM second_factors WHERE user_id = person;
    DELETE FROM password_resets WHERE user_id = person;
    DELETE FROM api_keys WHERE user_id = person;
    DELETE FROM sessions WHERE user_id = person;
    DELETE FROM devices WHERE user_id = person;
    -- From here on nobody adds anything that is theirs. What was added meanwhile by those who need not wait for their turn goes too.
    PERFORM FROM users WHERE id = person FOR UPDATE;
    DELETE FROM recovery_codes WHERE user_id = person;
    DELETE FROM second_factors WHERE user_id = person;
    DELETE FROM password_resets WHERE user_id = person;
    DELETE FROM audit_log WHERE user_id = person;
    DELETE FROM users WHERE id = person;
    PERFORM set_config('daybook.erasing', '', true);
END;
$$;

-- Attempts at addresses that nobody has, before an instant that lies 30 days back at least, whoever asks.
CREATE FUNCTION audit_log_forget_nobody(before timestamptz) RETURNS void
    LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = public, pg_temp
AS $$
BEGIN
    PERFORM set_config('daybook.erasing', 'nobody', true);
    DELETE FROM audit_log WHERE user_id IS NULL AND at < least(before, now() - interval '30 days');
    PERFORM set_config('daybook.erasing', '', true);
END;
$$;

REVOKE ALL ON FUNCTION erase_account(), audit_log_forget_nobody(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION erase_account(), audit_log_forget_nobody(timestamptz) TO daybook_api;
