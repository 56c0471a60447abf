-- Two of everything, with ids that tests can name: whatever one organisation does, the other must not see it.
insert into core.organisations (id, slug, name, plan)
values
  ('00000000-0000-4000-8000-00000000000a', 'alpha', 'Alpha', 'free'),
  ('00000000-0000-4000-8000-00000000000b', 'beta', 'Beta', 'company')
on conflict (slug) do update
set name = excluded.name, plan = excluded.plan;

insert into content.projects (id, organisation_id, slug, name)
values
  ('00000000-0000-4000-8000-0000000000a1', '00000000-0000-4000-8000-00000000000a', 'notes', 'Notes of Alpha'),
  ('00000000-0000-4000-8000-0000000000b1', '00000000-0000-4000-8000-00000000000b', 'notes', 'Notes of Beta')
on conflict (organisation_id, slug) do update
set name = excluded.name;

insert into content.documents (id, organisation_id, project_id, slug, title)
select p.id, p.organisation_id, p.id, 'minutes', 'Minutes'
from content.projects p
where p.slug = 'notes'
on conflict (project_id, slug) do nothing;
