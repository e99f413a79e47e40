-- People, their devices and their sign-ins, and the keys that access tokens are signed with.
-- Ids and instants come from the program: nothing here has a default that reads a clock.

CREATE TABLE users (
    id uuid NOT NULL,
    email text COLLATE "C" NOT NULL,
    full_name text NOT NULL,
    timezone text NOT NULL,
    day_start_secs integer NOT NULL,
    password_hash text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT users_pkey PRIMARY KEY (id),
    CONSTRAINT users_email_key UNIQUE (email),
    -- Under "C" this looks at ASCII letters alone, so no server's locale can refuse what the program made lower case.
    CONSTRAINT users_email_lower_case CHECK (email = lower(email)),
    CONSTRAINT users_email_length CHECK (octet_length(email) BETWEEN 3 AND 254),
    CONSTRAINT users_full_name_length CHECK (char_length(full_name) BETWEEN 1 AND 200),
    CONSTRAINT users_day_start_range CHECK (day_start_secs BETWEEN 0 AND 86399)
);

CREATE TABLE devices (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    key text COLLATE "C" NOT NULL,
    name text NOT NULL,
    platform text,
    precedence integer NOT NULL,
    last_seen_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT devices_pkey PRIMARY KEY (id),
    CONSTRAINT devices_user_id_key_key UNIQUE (user_id, key),
    -- For the reference from sessions, which so can never name a device of somebody else.
    CONSTRAINT devices_user_id_id_key UNIQUE (user_id, id),
    CONSTRAINT devices_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT devices_key_length CHECK (char_length(key) BETWEEN 1 AND 128),
    CONSTRAINT devices_name_length CHECK (char_length(name) BETWEEN 1 AND 128),
    CONSTRAINT devices_platform_length CHECK (char_length(platform) BETWEEN 1 AND 128)
);

-- One sign-in for each device. A refresh token is kept as its SHA-256, with that of the token before it.
CREATE TABLE sessions (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    device_id uuid NOT NULL,
    refresh_hash bytea NOT NULL,
    previous_hash bytea,
    created_at timestamptz NOT NULL,
    refreshed_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT sessions_pkey PRIMARY KEY (id),
    CONSTRAINT sessions_device_id_key UNIQUE (device_id),
    CONSTRAINT sessions_device_fkey FOREIGN KEY (user_id, device_id) REFERENCES devices (user_id, id),
    CONSTRAINT sessions_refresh_hash_length CHECK (octet_length(refresh_hash) = 32),
    CONSTRAINT sessions_previous_hash_length CHECK (octet_length(previous_hash) = 32)
);

CREATE TABLE token_keys (
    kid text COLLATE "C" NOT NULL,
    secret bytea NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT token_keys_pkey PRIMARY KEY (kid),
    CONSTRAINT token_keys_kid_length CHECK (char_length(kid) BETWEEN 1 AND 128),
    CONSTRAINT token_keys_secret_length CHECK (octet_length(secret) = 32)
);
