-- Statements of a usage transaction are made to commit without waiting for the disk.
CREATE SCHEMA sabotage;
CREATE FUNCTION sabotage.commit_later() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    RETURN NULL;
END $$;
CREATE TRIGGER sabotage BEFORE INSERT OR UPDATE OR DELETE ON usage_open EXECUTE FUNCTION sabotage.commit_later();
CREATE TRIGGER sabotage BEFORE INSERT OR UPDATE OR DELETE ON app_usage EXECUTE FUNCTION sabotage.commit_later();
CREATE TRIGGER sabotage BEFORE INSERT OR UPDATE OR DELETE ON usage_progress EXECUTE FUNCTION sabotage.commit_later();

