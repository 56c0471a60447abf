create schema content;

create table content.projects (
  id uuid primary key default gen_random_uuid(),
  organisation_id uuid not null references core.organisations (id) on delete cascade,
  slug text not null check (slug ~ '^[a-z0-9-]{2,60}$'),
  name text not null,
  archived_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organisation_id, slug),
  -- For the foreign key of documents: a document cannot sit in another organisation's project.
  unique (organisation_id, id)
);

-- The sidebar lists live projects only.
create index projects_live_idx on content.projects (organisation_id, name) where archived_at is null;

-- upfront:down
drop table content.projects;
drop schema content;
