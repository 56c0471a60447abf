-- No cascade: what still uses an extension has to go first.
drop extension if exists pgcrypto;
drop extension if exists pg_trgm;
