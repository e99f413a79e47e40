-- Where history is counted that a person brings from other trackers: one device for each source. Apart from the devices that somebody signs in on, so that no
-- session and no key can ever name one of these.
CREATE TABLE import_devices (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    source text COLLATE "C" NOT NULL,
    name text NOT NULL,
    precedence integer NOT NULL,
    made_at timestamptz NOT NULL,
    used_at timestamptz NOT NULL,
    -- The person does not want to see it any more; what was imported stays, and so does its rank, for when they import from there again.
    removed boolean NOT NULL DEFAULT false,
    CONSTRAINT import_devices_pkey PRIMARY KEY (id),
    CONSTRAINT import_devices_user_id_source_key UNIQUE (user_id, source),
    CONSTRAINT import_devices_user_id_precedence_key UNIQUE (user_id, precedence),
    CONSTRAINT import_devices_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT import_devices_source_length CHECK (char_length(source) BETWEEN 1 AND 64),
    CONSTRAINT import_devices_name_length CHECK (char_length(name) BETWEEN 1 AND 128),
    -- Devices that somebody signs in on begin at 1.
    CONSTRAINT import_devices_below_all_others CHECK (precedence <= 0)
);

SELECT isolate_table('import_devices');

CREATE POLICY import_devices_own ON import_devices TO daybook_api
    USING (user_id = (SELECT current_user_id())) WITH CHECK (user_id = (SELECT current_user_id()));

-- A source and its rank are made once: what was claimed carries the rank, so nothing may change it. They go with their person.
GRANT SELECT, INSERT, UPDATE (name, used_at, removed) ON import_devices TO daybook_api;
