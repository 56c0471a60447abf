drop function content.search(text, integer);
drop table content.chunks;
