-- What belongs to a person is reached through a policy, by everybody: the program connects as one of two roles that own nothing, and Postgres itself holds each
-- of their transactions to the person it says it is for. The API's role sees one person; the worker's, which merges many at once, the usage tables alone.

DO $$
DECLARE
    missing CONSTANT text[] := ARRAY(
        SELECT name FROM unnest(ARRAY['daybook_api', 'daybook_worker']) AS roles (name)
        WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)
    );
    role text;
BEGIN
    IF missing <> '{}' AND NOT (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user) THEN
        RAISE EXCEPTION 'the roles % are missing and % may not make them', array_to_string(missing, ', '), current_user
            USING ERRCODE = 'insufficient_privilege',
                HINT = 'Let an administrator run this, then migrate again: CREATE ROLE ' || array_to_string(missing, ' LOGIN; CREATE ROLE ') || ' LOGIN;';
    END IF;
    FOREACH role IN ARRAY missing LOOP
        BEGIN
            -- Without a password: whoever runs the server says how they sign in.
            EXECUTE format('CREATE ROLE %I LOGIN', role);
        EXCEPTION
            -- Roles are the cluster's: another database of it may be migrated at this moment.
            WHEN duplicate_object OR unique_violation THEN NULL;
        END;
    END LOOP;
END;
$$;

-- In a cluster that was once older than 15 anybody may create here, and so own something, or put a function of theirs in the way of ours.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO daybook_api, daybook_worker;

-- Whom the transaction is for; nobody when it does not say. A setting that an earlier transaction had is empty, not gone. In a policy this stands in a
-- SELECT of its own, which is evaluated once for each statement instead of once for each row.
CREATE FUNCTION current_user_id() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('daybook.user_id', true), '')::uuid;

-- What the transaction looks up before it is known whose it is: something that whoever asks has shown, such as an e-mail address or the id of a session.
CREATE FUNCTION current_lookup() RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('daybook.lookup', true), '');

-- Shuts a table for everybody but its owner, who is whoever runs this: later migrations, dumps and the operator's commands must see all rows, and the owner
-- too is held to policies here. Every table with a user id goes through this when it is made, and then gets the policies of the roles that may reach it.
CREATE FUNCTION isolate_table(target regclass) RETURNS void
    LANGUAGE plpgsql
    SET search_path = public, pg_temp
AS $$
DECLARE
    name CONSTANT text := (SELECT relname FROM pg_class WHERE oid = target);
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', target);
    EXECUTE format('CREATE POLICY %I ON %s TO CURRENT_USER USING (true) WITH CHECK (true)', name || '_owner', target);
END;
$$;
REVOKE ALL ON FUNCTION isolate_table(regclass) FROM PUBLIC;

SELECT isolate_table(name::regclass)
FROM unnest(ARRAY['users', 'devices', 'sessions', 'usage_open', 'app_usage', 'usage_progress']) AS tables (name);

-- A partition is reached through its parent, by the parent's policies; no role is let near it directly.
SELECT isolate_table(inhrelid) FROM pg_inherits WHERE inhparent = 'app_usage'::regclass;

-- Accounts. Who signs in has shown an e-mail address, who stays signed in the id of a session; everything after that is done as the person who was found.
CREATE POLICY users_own ON users TO daybook_api
    USING (id = (SELECT current_user_id())) WITH CHECK (id = (SELECT current_user_id()));
CREATE POLICY users_lookup ON users FOR SELECT TO daybook_api
    USING (email = (SELECT current_lookup()));

CREATE POLICY devices_own ON devices TO daybook_api
    USING (user_id = (SELECT current_user_id())) WITH CHECK (user_id = (SELECT current_user_id()));

CREATE POLICY sessions_own ON sessions TO daybook_api
    USING (user_id = (SELECT current_user_id())) WITH CHECK (user_id = (SELECT current_user_id()));
CREATE POLICY sessions_lookup ON sessions FOR SELECT TO daybook_api
    USING (id::text = (SELECT current_lookup()));

GRANT SELECT, INSERT, UPDATE, DELETE ON users, devices, sessions TO daybook_api;

-- Usage. The API reads it, and deletes what is a person's when they ask for that; only the worker writes it.
CREATE POLICY usage_open_own ON usage_open TO daybook_api
    USING (user_id = (SELECT current_user_id())) WITH CHECK (user_id = (SELECT current_user_id()));
CREATE POLICY app_usage_own ON app_usage TO daybook_api
    USING (user_id = (SELECT current_user_id())) WITH CHECK (user_id = (SELECT current_user_id()));
CREATE POLICY usage_progress_own ON usage_progress TO daybook_api
    USING (user_id = (SELECT current_user_id())) WITH CHECK (user_id = (SELECT current_user_id()));

CREATE POLICY usage_open_worker ON usage_open TO daybook_worker USING (true) WITH CHECK (true);
CREATE POLICY app_usage_worker ON app_usage TO daybook_worker USING (true) WITH CHECK (true);
CREATE POLICY usage_progress_worker ON usage_progress TO daybook_worker USING (true) WITH CHECK (true);

GRANT SELECT, DELETE ON usage_open, app_usage, usage_progress TO daybook_api;
GRANT SELECT, INSERT, UPDATE ON usage_open, usage_progress TO daybook_worker;
GRANT SELECT, INSERT, DELETE ON app_usage TO daybook_worker;
GRANT EXECUTE ON FUNCTION usage_ensure_month(date) TO daybook_worker;

-- What is nobody's: the keys of all nodes, and which migrations are applied, which every part asks before it starts.
GRANT SELECT, INSERT, DELETE ON token_keys TO daybook_api;
GRANT SELECT ON refinery_schema_history TO daybook_api, daybook_worker;

-- As before, and the new partition is shut before it is attached.
CREATE OR REPLACE FUNCTION usage_ensure_month(month date) RETURNS boolean
    LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = public, pg_temp
    SET datestyle = 'ISO'
    SET timezone = 'UTC'
AS $$
DECLARE
    first_day CONSTANT timestamp := date_trunc('month', month::timestamp);
    lower_bound CONSTANT timestamptz := first_day AT TIME ZONE 'UTC';
    upper_bound CONSTANT timestamptz := (first_day + interval '1 month') AT TIME ZONE 'UTC';
    partition CONSTANT text := 'app_usage_' || to_char(first_day, 'YYYY_MM');
BEGIN
    -- Class 2 of the program's advisory locks: the shape of app_usage.
    PERFORM pg_advisory_xact_lock(2, 0);
    IF EXISTS (
        SELECT FROM pg_inherits WHERE inhparent = 'app_usage'::regclass AND inhrelid = to_regclass(partition)
    ) THEN
        RETURN false;
    END IF;
    IF to_regclass(partition) IS NOT NULL THEN
        RAISE EXCEPTION 'the table % is there but is no partition of app_usage', partition
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Attach it or give it another name.';
    END IF;
    EXECUTE format(
        'CREATE TABLE %I (
            LIKE app_usage INCLUDING DEFAULTS INCLUDING CONSTRAINTS,
            CONSTRAINT %I EXCLUDE USING gist (user_id WITH =, tstzrange(start_time, end_time) WITH &&),
            CONSTRAINT app_usage_within_month CHECK (end_time <= %L::timestamptz)
        )',
        partition, partition || '_no_overlap', upper_bound
    );
    PERFORM isolate_table(partition::regclass);
    EXECUTE format(
        'ALTER TABLE app_usage ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
        partition, lower_bound, upper_bound
    );
    RETURN true;
END;
$$;
