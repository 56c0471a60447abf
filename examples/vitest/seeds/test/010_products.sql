insert into products (name, stock) values ('teapot', 3), ('cup', 12);
