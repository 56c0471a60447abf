-- One statement that cannot run in a transaction: it needs no marker.
create unique index concurrently users_email on users (lower(email));

-- upfront:down
drop index concurrently users_email;
