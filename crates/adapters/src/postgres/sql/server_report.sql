-- How the server is set up. reset_val is what it is set to itself, whatever this connection asked for.
SELECT current_setting('server_version'),
    current_setting('server_version_num')::integer,
    (SELECT reset_val FROM pg_settings WHERE name = 'fsync'),
    (SELECT reset_val FROM pg_settings WHERE name = 'synchronous_commit'),
    (SELECT reset_val FROM pg_settings WHERE name = 'full_page_writes'),
    current_setting('server_encoding'),
    pg_is_in_recovery(),
    EXISTS (SELECT FROM pg_available_extensions WHERE name = 'btree_gist'),
    clock_timestamp()
