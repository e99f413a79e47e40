-- What made merging slow, undone: the number of the device in hand stands in the open piece's row, and the guards are looked at where something can break.

-- Through which number the pings of the device that holds the open piece are settled, where it numbers them and none is missing below. All others stand in
-- usage_progress. The device is named beside its number, so that a program which knows nothing of the two can give the piece to another device without giving
-- it the number.
ALTER TABLE usage_open
    ADD COLUMN numbered_by uuid,
    ADD COLUMN merged_through bigint,
    ADD CONSTRAINT usage_open_number_of_device CHECK ((numbered_by IS NULL) = (merged_through IS NULL)),
    ADD CONSTRAINT usage_open_merged_through_range CHECK (merged_through >= 1),
    -- The same as before, as arithmetic on instants: a zone need not be looked up for each row. The first instant that can be stored lies before all others,
    -- as bins are counted wrongly before their origin by some versions.
    DROP CONSTRAINT usage_open_within_utc_day,
    ADD CONSTRAINT usage_open_within_utc_day CHECK (
        end_time - date_bin('24 hours', start_time, timestamptz '4714-11-24 00:00:00+00 BC') <= interval '24 hours'
    );

-- What is written into the open piece's row is no longer kept beside it.
GRANT DELETE ON usage_progress TO daybook_worker;

-- An open piece that moves on cannot come to start before a closed one ends. Only one that moves back can, or one that becomes somebody else's.
DROP TRIGGER usage_open_after_closed_moved ON usage_open;
CREATE TRIGGER usage_open_after_closed_moved
    AFTER UPDATE OF user_id, start_time ON usage_open
    FOR EACH ROW
    WHEN (OLD.user_id <> NEW.user_id OR OLD.start_time > NEW.start_time)
    EXECUTE FUNCTION usage_open_check_after_closed();

-- The pieces that a statement closes are compared with the open ones by one search for all of them, instead of one for each.
CREATE OR REPLACE FUNCTION app_usage_check_before_open() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    IF EXISTS (
        SELECT FROM closed JOIN public.usage_open AS open ON open.user_id = closed.user_id
        WHERE open.start_time < closed.end_time
    ) THEN
        RAISE EXCEPTION 'a closed piece ends after the open one of its person starts'
            USING ERRCODE = 'exclusion_violation', TABLE = 'app_usage', CONSTRAINT = 'app_usage_before_open';
    END IF;
    RETURN NULL;
END;
$$;

-- Such a trigger is looked at for the table that a statement names, so each partition has it too.
CREATE FUNCTION usage_guard_closed(target regclass) RETURNS void
    LANGUAGE plpgsql
    SET search_path = public, pg_temp
AS $$
DECLARE
    event text;
BEGIN
    FOREACH event IN ARRAY ARRAY['insert', 'update'] LOOP
        EXECUTE format(
            'CREATE TRIGGER %I AFTER %s ON %s REFERENCING NEW TABLE AS closed FOR EACH STATEMENT EXECUTE FUNCTION app_usage_check_before_open()',
            'app_usage_before_open_' || event, event, target
        );
    END LOOP;
END;
$$;
REVOKE ALL ON FUNCTION usage_guard_closed(regclass) FROM PUBLIC;

DROP TRIGGER app_usage_before_open ON app_usage;
SELECT usage_guard_closed('app_usage');
SELECT usage_guard_closed(inhrelid) FROM pg_inherits WHERE inhparent = 'app_usage'::regclass;

-- As before, and the new partition has its guards before it is attached.
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
    PERFORM usage_guard_closed(partition::regclass);
    EXECUTE format(
        'ALTER TABLE app_usage ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
        partition, lower_bound, upper_bound
    );
    RETURN true;
END;
$$;
