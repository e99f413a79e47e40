-- Heartbeats: points in time that some trackers send instead of stretches. What they claim is derived from the points where they are merged, so the points are
-- kept; and a piece that stems from one carries its instant, which is part of its rank.

-- The key finds the points around an instant, of a person or of one of their devices. Of points of one device and instant those are one that are equal in
-- everything; the digest, of all columns but the first three, says which are.
CREATE TABLE heartbeats (
    user_id uuid NOT NULL,
    at timestamptz NOT NULL,
    device_id uuid NOT NULL,
    digest bytea NOT NULL,
    attention smallint NOT NULL,
    precedence integer NOT NULL,
    patience_ms integer NOT NULL,
    app_name text COLLATE "C" NOT NULL,
    domain text COLLATE "C",
    kind text COLLATE "C" NOT NULL,
    category text COLLATE "C",
    project text COLLATE "C",
    branch text COLLATE "C",
    language text COLLATE "C",
    -- Where it leaves one of the three to the heartbeats before; found out when it is read, because they come in any order.
    last_project boolean NOT NULL,
    last_branch boolean NOT NULL,
    last_language boolean NOT NULL,
    editor text COLLATE "C",
    machine text COLLATE "C",
    operating_system text COLLATE "C",
    is_write boolean,
    CONSTRAINT heartbeats_pkey PRIMARY KEY (user_id, at, device_id, digest),
    CONSTRAINT heartbeats_digest_length CHECK (octet_length(digest) = 16),
    CONSTRAINT heartbeats_attention_known CHECK (attention IN (0, 1)),
    CONSTRAINT heartbeats_patience_range CHECK (patience_ms BETWEEN 60000 AND 3600000),
    CONSTRAINT heartbeats_app_name_length CHECK (char_length(app_name) BETWEEN 1 AND 255),
    CONSTRAINT heartbeats_domain_length CHECK (octet_length(domain) BETWEEN 1 AND 253),
    CONSTRAINT heartbeats_kind_known CHECK (kind IN ('file', 'app', 'domain', 'url')),
    CONSTRAINT heartbeats_category_length CHECK (char_length(category) BETWEEN 1 AND 255),
    CONSTRAINT heartbeats_project_length CHECK (char_length(project) BETWEEN 1 AND 255),
    CONSTRAINT heartbeats_branch_length CHECK (char_length(branch) BETWEEN 1 AND 255),
    CONSTRAINT heartbeats_language_length CHECK (char_length(language) BETWEEN 1 AND 255),
    CONSTRAINT heartbeats_editor_length CHECK (char_length(editor) BETWEEN 1 AND 255),
    CONSTRAINT heartbeats_machine_length CHECK (char_length(machine) BETWEEN 1 AND 255),
    CONSTRAINT heartbeats_operating_system_length CHECK (char_length(operating_system) BETWEEN 1 AND 255),
    CONSTRAINT heartbeats_named_or_last CHECK (
        NOT (last_project AND project IS NOT NULL)
        AND NOT (last_branch AND branch IS NOT NULL)
        AND NOT (last_language AND language IS NOT NULL)
    )
);

SELECT isolate_table('heartbeats');

-- As with the other tables of usage: the API reads it, and deletes what is a person's when they ask for that; only the worker writes it.
CREATE POLICY heartbeats_own ON heartbeats TO daybook_api
    USING (user_id = (SELECT current_user_id())) WITH CHECK (user_id = (SELECT current_user_id()));
CREATE POLICY heartbeats_worker ON heartbeats TO daybook_worker USING (true) WITH CHECK (true);
GRANT SELECT, DELETE ON heartbeats TO daybook_api;
GRANT SELECT, INSERT ON heartbeats TO daybook_worker;

-- The instant of the heartbeat that a piece stems from; none for pings. Partitions have it from their parent, also those that are still to be made.
ALTER TABLE usage_open ADD COLUMN beat_at timestamptz;
ALTER TABLE app_usage ADD COLUMN beat_at timestamptz;
