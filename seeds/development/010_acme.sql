-- An organisation to log in to on one's own machine.
insert into core.organisations (slug, name, plan, settings)
values ('acme', 'Acme Ltd', 'team', '{"theme": "dark"}')
on conflict (slug) do update
set name = excluded.name, plan = excluded.plan, settings = excluded.settings;

insert into core.people (email, name)
values ('ada@acme.example', 'Ada'), ('ben@acme.example', 'Ben')
on conflict (lower(email)) do update
set name = excluded.name;

insert into core.members (organisation_id, person_id, role)
select o.id, p.id, case p.email when 'ada@acme.example' then 'owner' else 'editor' end::core.member_role
from core.organisations o
cross join core.people p
where o.slug = 'acme' and p.email like '%@acme.example'
on conflict (organisation_id, person_id) do update
set role = excluded.role;
