create function core.set_updated_at() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.updated_at := now();
  return new;
end
$$;

-- Only when something differs: seeds that run again leave the time as it was.
create trigger plans_updated_at before update on core.plans
  for each row when (old.* is distinct from new.*) execute function core.set_updated_at();

create trigger organisations_updated_at before update on core.organisations
  for each row when (old.* is distinct from new.*) execute function core.set_updated_at();

create trigger projects_updated_at before update on content.projects
  for each row when (old.* is distinct from new.*) execute function core.set_updated_at();

create trigger documents_updated_at before update on content.documents
  for each row when (old.* is distinct from new.*) execute function core.set_updated_at();
