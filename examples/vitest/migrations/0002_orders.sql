create table orders (
  id bigint primary key generated always as identity,
  product bigint not null references products,
  quantity integer not null check (quantity > 0)
);
-- upfront:down
drop table orders;
