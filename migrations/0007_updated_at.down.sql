drop trigger documents_updated_at on content.documents;
drop trigger projects_updated_at on content.projects;
drop trigger organisations_updated_at on core.organisations;
drop trigger plans_updated_at on core.plans;
drop function core.set_updated_at();
