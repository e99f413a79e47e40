-- Everybody's timelines, in pieces that each lie within one UTC day: the newest of a person in usage_open, all others in app_usage.
-- Nothing here refers to the tables of accounts: contexts share ids, not tables.

-- For the exclusion constraint of the partitions, which compares a uuid under GiST.
CREATE EXTENSION IF NOT EXISTS btree_gist;

-- Extending the newest piece is nearly all of the work. With no index but the key, and room on each page for all of its rows to change in one merge, that is
-- a HOT update.
CREATE TABLE usage_open (
    user_id uuid NOT NULL,
    device_id uuid NOT NULL,
    attention smallint NOT NULL,
    precedence integer NOT NULL,
    app_name text COLLATE "C" NOT NULL,
    domain text COLLATE "C",
    start_time timestamptz NOT NULL,
    end_time timestamptz NOT NULL,
    CONSTRAINT usage_open_pkey PRIMARY KEY (user_id),
    CONSTRAINT usage_open_attention_known CHECK (attention IN (0, 1)),
    CONSTRAINT usage_open_app_name_length CHECK (char_length(app_name) BETWEEN 1 AND 255),
    CONSTRAINT usage_open_domain_length CHECK (octet_length(domain) BETWEEN 1 AND 253),
    CONSTRAINT usage_open_not_empty CHECK (start_time < end_time),
    -- Expressions of timestamps without zone, because those with one depend on the session's settings.
    CONSTRAINT usage_open_within_utc_day CHECK (
        end_time AT TIME ZONE 'UTC' <= date_trunc('day', start_time AT TIME ZONE 'UTC') + interval '24 hours'
    )
) WITH (fillfactor = 40);

CREATE TABLE app_usage (
    user_id uuid NOT NULL,
    device_id uuid NOT NULL,
    attention smallint NOT NULL,
    precedence integer NOT NULL,
    app_name text COLLATE "C" NOT NULL,
    domain text COLLATE "C",
    start_time timestamptz NOT NULL,
    end_time timestamptz NOT NULL,
    CONSTRAINT app_usage_pkey PRIMARY KEY (user_id, start_time),
    CONSTRAINT app_usage_attention_known CHECK (attention IN (0, 1)),
    CONSTRAINT app_usage_app_name_length CHECK (char_length(app_name) BETWEEN 1 AND 255),
    CONSTRAINT app_usage_domain_length CHECK (octet_length(domain) BETWEEN 1 AND 253),
    CONSTRAINT app_usage_not_empty CHECK (start_time < end_time),
    CONSTRAINT app_usage_24_hours_at_most CHECK (end_time - start_time <= interval '24 hours'),
    CONSTRAINT app_usage_within_utc_day CHECK (
        end_time AT TIME ZONE 'UTC' <= date_trunc('day', start_time AT TIME ZONE 'UTC') + interval '24 hours'
    )
) PARTITION BY RANGE (start_time);

-- Makes the partition that holds the month of the given day (UTC), unless it is there; true when it was made. Any number may call it at once, and
-- merges go on meanwhile: the table is made by itself and then attached, which locks the parent against other changes of its shape only.
CREATE FUNCTION usage_ensure_month(month date) RETURNS boolean
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
    EXECUTE format(
        'ALTER TABLE app_usage ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
        partition, lower_bound, upper_bound
    );
    RETURN true;
END;
$$;
REVOKE ALL ON FUNCTION usage_ensure_month(date) FROM PUBLIC;

-- No closed piece of a person ends after their open one starts: looked at whenever a piece is closed, or the open one is made or moved. Extending
-- the open one cannot break it, so that is never looked at. Those who write one person's pieces at the same time do not see each other here;
-- the merge's locks are what keeps them apart.
CREATE FUNCTION app_usage_check_before_open() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    IF EXISTS (SELECT FROM public.usage_open WHERE user_id = NEW.user_id AND start_time < NEW.end_time) THEN
        RAISE EXCEPTION 'a closed piece ends after the open one of its person starts'
            USING ERRCODE = 'exclusion_violation', TABLE = 'app_usage', CONSTRAINT = 'app_usage_before_open';
    END IF;
    RETURN NULL;
END;
$$;

CREATE FUNCTION usage_open_check_after_closed() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    -- The bound on the length of a piece bounds the search from below. The order keeps the planner to the key, also while a partition looks empty to it.
    PERFORM FROM public.app_usage
    WHERE user_id = NEW.user_id AND start_time > NEW.start_time - interval '24 hours' AND end_time > NEW.start_time
    ORDER BY start_time LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the open piece of a person starts before a closed one ends'
            USING ERRCODE = 'exclusion_violation', TABLE = 'usage_open', CONSTRAINT = 'usage_open_after_closed';
    END IF;
    RETURN NULL;
END;
$$;

CREATE TRIGGER app_usage_before_open
    AFTER INSERT OR UPDATE ON app_usage
    FOR EACH ROW EXECUTE FUNCTION app_usage_check_before_open();

CREATE TRIGGER usage_open_after_closed_made
    AFTER INSERT ON usage_open
    FOR EACH ROW EXECUTE FUNCTION usage_open_check_after_closed();

CREATE TRIGGER usage_open_after_closed_moved
    AFTER UPDATE OF user_id, start_time ON usage_open
    FOR EACH ROW
    WHEN (OLD.user_id <> NEW.user_id OR OLD.start_time <> NEW.start_time)
    EXECUTE FUNCTION usage_open_check_after_closed();

-- Which of a device's numbered pings are settled: all up to merged_through, and above it the stretches whose first and last numbers stand in ahead.
CREATE TABLE usage_progress (
    user_id uuid NOT NULL,
    device_id uuid NOT NULL,
    merged_through bigint NOT NULL,
    ahead bigint[] NOT NULL,
    CONSTRAINT usage_progress_pkey PRIMARY KEY (user_id, device_id),
    CONSTRAINT usage_progress_merged_through_range CHECK (merged_through >= 0),
    CONSTRAINT usage_progress_ahead_in_pairs CHECK (cardinality(ahead) % 2 = 0)
) WITH (fillfactor = 40);
