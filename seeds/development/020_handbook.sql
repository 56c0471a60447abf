-- Enough text for the search to find something.
insert into content.projects (organisation_id, slug, name)
select o.id, 'handbook', 'Handbook'
from core.organisations o
where o.slug = 'acme'
on conflict (organisation_id, slug) do update
set name = excluded.name;

insert into content.documents (organisation_id, project_id, author_id, slug, title, metadata, published_at)
select p.organisation_id, p.id, a.id, s.slug, s.title, s.metadata::jsonb, timestamptz '2025-01-06 09:00Z'
from content.projects p
join core.organisations o on o.id = p.organisation_id and o.slug = 'acme'
join core.people a on a.email = 'ada@acme.example'
cross join (
  values
    ('first-week', 'Your first week', '{"tags": ["people"], "language": "en"}'),
    ('incidents', 'When production is down', '{"tags": ["engineering", "on-call"], "language": "en"}')
) as s (slug, title, metadata)
where p.slug = 'handbook'
on conflict (project_id, slug) do update
set title = excluded.title, metadata = excluded.metadata;

insert into content.chunks (organisation_id, document_id, position, heading, body)
select d.organisation_id, d.id, s.position, s.heading, s.body
from (
  values
    ('first-week', 0, 'Before you arrive', 'Your laptop and your keys are at the reception desk.'),
    ('first-week', 1, 'Monday', 'Meet your team, clone the repository, and start the application once.'),
    ('incidents', 0, 'First five minutes', 'Say that you are looking, then look at the last deployment.'),
    ('incidents', 1, 'The database', 'Check whether a migration is waiting for a lock before you restart anything.')
) as s (slug, position, heading, body)
join content.documents d on d.slug = s.slug
join content.projects p on p.id = d.project_id and p.slug = 'handbook'
join core.organisations o on o.id = p.organisation_id and o.slug = 'acme'
on conflict (document_id, position) do update
set heading = excluded.heading, body = excluded.body;
