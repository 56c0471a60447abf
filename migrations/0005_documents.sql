create table content.documents (
  id uuid primary key default gen_random_uuid(),
  organisation_id uuid not null,
  project_id uuid not null,
  author_id uuid references core.people (id) on delete set null,
  slug text not null check (slug ~ '^[a-z0-9-]{2,80}$'),
  title text not null check (title <> ''),
  metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
  published_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (project_id, slug),
  unique (organisation_id, id),
  foreign key (organisation_id, project_id) references content.projects (organisation_id, id) on delete cascade
);

create index documents_project_idx on content.documents (organisation_id, project_id);
create index documents_author_idx on content.documents (author_id);

-- jsonb_path_ops is a third of the size, and we only ever ask with @>.
create index documents_metadata_idx on content.documents using gin (metadata jsonb_path_ops);

-- Titles are found by any part of them, typing errors included.
create index documents_title_idx on content.documents using gin (title public.gin_trgm_ops);

-- upfront:down
drop table content.documents;
