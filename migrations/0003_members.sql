create type core.member_role as enum ('owner', 'editor', 'reader');

create table core.people (
  id uuid primary key default gen_random_uuid(),
  email text not null,
  name text not null,
  created_at timestamptz not null default now()
);

-- One account for Ada@Example.com and ada@example.com.
create unique index people_email_key on core.people (lower(email));

create table core.members (
  organisation_id uuid not null references core.organisations (id) on delete cascade,
  person_id uuid not null references core.people (id) on delete cascade,
  role core.member_role not null default 'reader',
  joined_at timestamptz not null default now(),
  primary key (organisation_id, person_id)
);

create index members_person_idx on core.members (person_id);

create table core.invitations (
  organisation_id uuid not null references core.organisations (id) on delete cascade,
  email text not null,
  role core.member_role not null default 'reader',
  token text not null unique default encode(public.gen_random_bytes(24), 'hex'),
  expires_at timestamptz not null default now() + interval '7 days',
  primary key (organisation_id, email)
);

-- upfront:down
drop table core.invitations;
drop table core.members;
drop table core.people;
drop type core.member_role;
