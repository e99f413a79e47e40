-- Devices that wait for a person to confirm on another one that they may sign in. They are nobody's until somebody has answered.
CREATE TABLE device_codes (
    device_hash bytea NOT NULL,
    user_hash bytea NOT NULL,
    key text COLLATE "C" NOT NULL,
    name text,
    platform text,
    address text COLLATE "C",
    asked_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    -- How often the device may ask, and when it did last.
    interval_secs integer NOT NULL,
    polled_at timestamptz,
    -- Who answered, and what; of which version their password was when they confirmed.
    user_id uuid,
    approved boolean,
    password_version integer,
    CONSTRAINT device_codes_pkey PRIMARY KEY (device_hash),
    CONSTRAINT device_codes_user_hash_key UNIQUE (user_hash),
    CONSTRAINT device_codes_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT device_codes_device_hash_length CHECK (octet_length(device_hash) = 32),
    CONSTRAINT device_codes_user_hash_length CHECK (octet_length(user_hash) = 32),
    CONSTRAINT device_codes_key_length CHECK (char_length(key) BETWEEN 1 AND 128),
    CONSTRAINT device_codes_name_length CHECK (char_length(name) BETWEEN 1 AND 128),
    CONSTRAINT device_codes_platform_length CHECK (char_length(platform) BETWEEN 1 AND 128),
    CONSTRAINT device_codes_address_length CHECK (char_length(address) BETWEEN 2 AND 45),
    CONSTRAINT device_codes_interval_secs_range CHECK (interval_secs BETWEEN 1 AND 60),
    CONSTRAINT device_codes_answered_by_somebody CHECK ((user_id IS NULL) = (approved IS NULL)),
    CONSTRAINT device_codes_version_when_approved CHECK ((password_version IS NOT NULL) = coalesce(approved, false))
);
CREATE INDEX device_codes_expires_at_idx ON device_codes (expires_at);
CREATE INDEX device_codes_user_id_idx ON device_codes (user_id) WHERE user_id IS NOT NULL;

SELECT isolate_table('device_codes');

CREATE POLICY device_codes_own ON device_codes TO daybook_api
    USING (user_id = (SELECT current_user_id())) WITH CHECK (user_id = (SELECT current_user_id()));
-- Who shows one of the codes has shown what its hash is made of.
CREATE POLICY device_codes_lookup ON device_codes FOR SELECT TO daybook_api
    USING (encode(device_hash, 'hex') = (SELECT current_lookup()) OR encode(user_hash, 'hex') = (SELECT current_lookup()));
-- A device that waits notes that it asked, and stays nobody's.
CREATE POLICY device_codes_poll ON device_codes FOR UPDATE TO daybook_api
    USING (user_id IS NULL AND encode(device_hash, 'hex') = (SELECT current_lookup()))
    WITH CHECK (user_id IS NULL AND encode(device_hash, 'hex') = (SELECT current_lookup()));
-- Who answers makes it theirs, by the policy of what is theirs.
CREATE POLICY device_codes_answer ON device_codes FOR UPDATE TO daybook_api
    USING (user_id IS NULL AND encode(user_hash, 'hex') = (SELECT current_lookup()))
    WITH CHECK (user_id = (SELECT current_user_id()));

GRANT SELECT, UPDATE, DELETE ON device_codes TO daybook_api;

-- What has expired, whoever asks.
CREATE FUNCTION device_codes_forget(present timestamptz) RETURNS void
    LANGUAGE sql
    SECURITY DEFINER
    SET search_path = public, pg_temp
AS $$
    DELETE FROM device_codes WHERE expires_at <= present;
$$;

-- Keeps a device that waits, unless as many wait as may, or as many of its address, or somebody has one of its codes; true when it is kept. By the owner,
-- because nobody else may count what is nobody's.
CREATE FUNCTION device_codes_keep(waiting device_codes, waiting_max bigint, of_address_max bigint) RETURNS boolean
    LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = public, pg_temp
AS $$
DECLARE
    all_of_them bigint;
    of_address bigint;
BEGIN
    -- Class 5 of the program's advisory locks: devices are counted one after the other.
    PERFORM pg_advisory_xact_lock(5, 0);
    PERFORM device_codes_forget(waiting.asked_at);
    SELECT count(*), count(*) FILTER (WHERE device_codes_network(address) IS NOT DISTINCT FROM device_codes_network(waiting.address))
    INTO all_of_them, of_address
    FROM device_codes;
    IF all_of_them >= waiting_max OR of_address >= of_address_max THEN
        RETURN false;
    END IF;
    INSERT INTO device_codes SELECT waiting.* ON CONFLICT DO NOTHING;
    RETURN FOUND;
END;
$$;

-- What an address counts for: one of IPv6 for its first 64 bits.
CREATE FUNCTION device_codes_network(address text) RETURNS cidr
    LANGUAGE sql IMMUTABLE
    RETURN network(set_masklen(address::inet, least(masklen(address::inet), 64)));

REVOKE ALL ON FUNCTION device_codes_forget(timestamptz), device_codes_keep(device_codes, bigint, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION device_codes_forget(timestamptz), device_codes_keep(device_codes, bigint, bigint) TO daybook_api;
