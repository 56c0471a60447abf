-- Both are trusted: the owner of the database may install them, no superuser is needed.
create extension if not exists pg_trgm with schema public;
create extension if not exists pgcrypto with schema public;
