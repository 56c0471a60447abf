-- The application says whom it works for: set local app.organisation_id = '...'. Unset, it sees nothing.
create function core.current_organisation_id() returns uuid
language sql
stable
parallel safe
as $$ select nullif(current_setting('app.organisation_id', true), '')::uuid $$;

-- The owner, who runs migrations and seeds, is not bound by the policies; the application's role is.
alter table core.organisations enable row level security;
alter table core.members enable row level security;
alter table core.invitations enable row level security;
alter table content.projects enable row level security;
alter table content.documents enable row level security;
alter table content.chunks enable row level security;

-- The sub-select is evaluated once for each query instead of once for each row.
create policy own_organisation on core.organisations
  using (id = (select core.current_organisation_id()));

create policy own_organisation on core.members
  using (organisation_id = (select core.current_organisation_id()));

create policy own_organisation on core.invitations
  using (organisation_id = (select core.current_organisation_id()));

create policy own_organisation on content.projects
  using (organisation_id = (select core.current_organisation_id()));

create policy own_organisation on content.documents
  using (organisation_id = (select core.current_organisation_id()));

create policy own_organisation on content.chunks
  using (organisation_id = (select core.current_organisation_id()));

-- upfront:down
drop policy own_organisation on content.chunks;
drop policy own_organisation on content.documents;
drop policy own_organisation on content.projects;
drop policy own_organisation on core.invitations;
drop policy own_organisation on core.members;
drop policy own_organisation on core.organisations;

alter table content.chunks disable row level security;
alter table content.documents disable row level security;
alter table content.projects disable row level security;
alter table core.invitations disable row level security;
alter table core.members disable row level security;
alter table core.organisations disable row level security;

drop function core.current_organisation_id();
