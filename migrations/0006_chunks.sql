-- A document is searched in pieces, so that a result can point at the paragraph.
create table content.chunks (
  organisation_id uuid not null,
  document_id uuid not null,
  position bigint not null check (position >= 0),
  heading text not null default '',
  body text not null,
  -- Tells the indexer what has not changed since the last time.
  body_sha256 bytea not null generated always as (public.digest(body, 'sha256')) stored,
  -- The configuration is named: default_text_search_config would make this not immutable.
  search tsvector not null generated always as (
    setweight(to_tsvector('pg_catalog.english', heading), 'A')
    || setweight(to_tsvector('pg_catalog.english', body), 'B')
  ) stored,
  primary key (document_id, position),
  foreign key (organisation_id, document_id) references content.documents (organisation_id, id) on delete cascade
);

create index chunks_document_idx on content.chunks (organisation_id, document_id);
create index chunks_search_idx on content.chunks using gin (search);

create function content.search(query text, max_results integer default 20)
returns table (document_id uuid, title text, heading text, excerpt text, rank real)
language sql
stable
parallel safe
set search_path = ''
as $$
  select d.id, d.title, c.heading, ts_headline('pg_catalog.english', c.body, q), ts_rank_cd(c.search, q) as rank
  from websearch_to_tsquery('pg_catalog.english', query) as q
  join content.chunks c on c.search @@ q
  join content.documents d on d.id = c.document_id
  order by rank desc, d.id, c.position
  limit max_results
$$;
