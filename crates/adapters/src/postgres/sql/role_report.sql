-- Who is connected, and what they could do. It is asked of whoever signed in, whatever role they took on since, because they could lay that down again. Being
-- a member counts as being: who is one may become the other.
SELECT current_user::text,
    EXISTS (SELECT FROM pg_roles WHERE (rolsuper OR rolbypassrls) AND pg_has_role(session_user, oid, 'MEMBER')),
    EXISTS (
        SELECT FROM pg_class
        WHERE relnamespace = to_regnamespace('public') AND relkind IN ('r', 'p', 'v', 'm') AND pg_has_role(session_user, relowner, 'MEMBER')
    ),
    EXISTS (SELECT FROM pg_roles WHERE rolname = 'daybook_api' AND pg_has_role(session_user, oid, 'MEMBER')),
    EXISTS (SELECT FROM pg_roles WHERE rolname = 'daybook_worker' AND pg_has_role(session_user, oid, 'MEMBER'))
