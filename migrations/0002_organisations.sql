create schema core;

create table core.plans (
  code text primary key check (code ~ '^[a-z]+$'),
  name text not null,
  seats bigint not null check (seats > 0),
  -- In cents: a float cannot hold every price.
  price_per_seat bigint not null check (price_per_seat >= 0),
  updated_at timestamptz not null default now()
);

create table core.organisations (
  id uuid primary key default gen_random_uuid(),
  slug text not null unique check (slug ~ '^[a-z0-9-]{2,40}$'),
  name text not null,
  plan text not null references core.plans (code) on update cascade,
  settings jsonb not null default '{}' check (jsonb_typeof(settings) = 'object'),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

-- Postgres makes no index for the referencing side of a foreign key.
create index organisations_plan_idx on core.organisations (plan);

comment on table core.organisations is 'Who pays; everything else belongs to exactly one of them.';

-- upfront:down
drop table core.organisations;
drop table core.plans;
drop schema core;
