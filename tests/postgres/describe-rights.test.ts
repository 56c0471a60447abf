// Somebody changes owners, grants and comments behind our back: each change is told, in one line where it is one.
import { describeChanges } from '../support/describe-changes.ts'

describeChanges({
  'owners, grants and comments': {
    'an owner': {
      change: 'alter table app.t owner to pg_monitor',
      lines: ['owner table app.t: postgres -> pg_monitor'],
    },
    'a grant': {
      change: 'grant select, insert on app.t to public',
      lines: ['+ grant table app.t to PUBLIC: INSERT, SELECT'],
    },
    'all that there is to grant': {
      before: 'grant select on app.t to pg_monitor',
      change: 'grant all on app.t to pg_monitor',
      lines: ['grant table app.t to pg_monitor: SELECT -> ALL'],
    },
    'a grant that may be passed on': {
      before: 'grant select on app.t to pg_monitor',
      change: 'grant select on app.t to pg_monitor with grant option',
      lines: ['grant table app.t to pg_monitor: SELECT -> SELECT with grant option'],
    },
    'a grant on a column': {
      change: 'grant update (a) on app.t to pg_monitor',
      lines: ['+ grant column app.t.a to pg_monitor: UPDATE'],
    },
    'what everybody may without a grant': {
      change: 'revoke execute on function app.touch from public',
      lines: ['+ grant function app.touch() to PUBLIC: nothing'],
    },
    'what the owner may without a grant': {
      change: 'revoke insert, delete on app.t from postgres',
      lines: ['+ grant table app.t to its owner: ALL but DELETE, INSERT'],
    },
    'a grant on a schema': {
      change: 'grant usage on schema app to pg_monitor',
      lines: ['+ grant schema app to pg_monitor: USAGE'],
    },
    'what everybody may in public': {
      before: 'revoke all on schema public from public',
      change: 'grant usage on schema public to public',
      lines: ['grant schema public to PUBLIC: nothing -> USAGE'],
    },
    'a grant on a sequence and on a type': {
      before: 'create sequence app.s; create domain app.d as int',
      change: 'grant usage on sequence app.s to pg_monitor; revoke usage on domain app.d from public',
      lines: ['+ grant domain app.d to PUBLIC: nothing', '+ grant sequence app.s to pg_monitor: USAGE'],
    },
    'default privileges of whoever creates something': {
      change: 'alter default privileges in schema app grant select on tables to postgres',
      lines: ['+ default grant for postgres on tables in app to its owner: SELECT'],
    },
    'default privileges': {
      change: `alter default privileges in schema app grant select on tables to pg_monitor;
        alter default privileges revoke execute on functions from public`,
      lines: [
        '+ default grant for postgres on functions to PUBLIC: nothing',
        '+ default grant for postgres on tables in app to pg_monitor: SELECT',
      ],
    },
    comments: {
      before: `comment on table app.t is 'a'; comment on column app.t.a is 'x'; comment on schema app is 's'`,
      change: `comment on table app.t is 'b'; comment on column app.t.a is null; comment on constraint t_pkey on app.t is 'p';
        comment on function app.touch is 'f'; comment on index app.t_pkey is 'i'`,
      lines: [
        '- comment column app.t.a',
        '+ comment constraint app.t.t_pkey: p',
        '+ comment function app.touch(): f',
        '+ comment index app.t_pkey: i',
        'comment table app.t: a -> b',
      ],
    },
  },
})
