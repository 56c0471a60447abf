-- Every environment needs the plans; a price that changes here changes everywhere.
insert into core.plans (code, name, seats, price_per_seat)
values
  ('free', 'Free', 3, 0),
  ('team', 'Team', 50, 900),
  ('company', 'Company', 5000, 1900)
on conflict (code) do update
set name = excluded.name, seats = excluded.seats, price_per_seat = excluded.price_per_seat;
