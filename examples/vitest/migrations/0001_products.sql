create table products (
  id bigint primary key generated always as identity,
  name text not null unique,
  stock integer not null check (stock >= 0)
);
-- upfront:down
drop table products;
