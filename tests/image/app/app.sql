-- Every table of migrations/ and every row of seeds/ and seeds/test/, written down once more by hand, so that it cannot
-- be wrong in the same way.
create temporary table wanted_table (name text);
insert into wanted_table
values
  ('core.plans'),
  ('core.organisations'),
  ('core.people'),
  ('core.members'),
  ('core.invitations'),
  ('content.projects'),
  ('content.documents'),
  ('content.chunks');

do $$
declare
  wrong text;
begin
  select string_agg(name, ', ' order by name) into wrong from wanted_table where to_regclass(name) is null;
  if wrong is not null then
    raise exception 'these tables are not there: %', wrong;
  end if;
end
$$;

create temporary table wanted_row (place text, item text);
insert into wanted_row
values
  ('core.plans', 'free, Free, 3 seats, 0 cents'),
  ('core.plans', 'team, Team, 50 seats, 900 cents'),
  ('core.plans', 'company, Company, 5000 seats, 1900 cents'),
  ('core.organisations', 'alpha, Alpha, free'),
  ('core.organisations', 'beta, Beta, company'),
  ('content.projects', 'alpha/notes, Notes of Alpha'),
  ('content.projects', 'beta/notes, Notes of Beta'),
  ('content.documents', 'alpha/notes/minutes, Minutes'),
  ('content.documents', 'beta/notes/minutes, Minutes');

create temporary view found_row (place, item) as
select 'core.plans', format('%s, %s, %s seats, %s cents', code, name, seats, price_per_seat)
from core.plans
union all
select 'core.organisations', format('%s, %s, %s', slug, name, plan)
from core.organisations
union all
select 'content.projects', format('%s/%s, %s', o.slug, p.slug, p.name)
from content.projects p
join core.organisations o on o.id = p.organisation_id
union all
select 'content.documents', format('%s/%s/%s, %s', o.slug, p.slug, d.slug, d.title)
from content.documents d
join content.projects p on p.id = d.project_id
join core.organisations o on o.id = d.organisation_id;

do $$
declare
  missing text;
  unexpected text;
begin
  select string_agg(format('%s (%s)', place, item), '; ')
  into missing
  from (table wanted_row except all table found_row) as row_;
  select string_agg(format('%s (%s)', place, item), '; ')
  into unexpected
  from (table found_row except all table wanted_row) as row_;
  if missing is not null or unexpected is not null then
    raise exception 'rows missing: %, rows too many: %', coalesce(missing, 'none'), coalesce(unexpected, 'none');
  end if;
end
$$;

\echo the application has all its tables and rows
