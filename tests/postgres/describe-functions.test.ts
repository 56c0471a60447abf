// Somebody changes functions, triggers, policies and publications behind our back: each change is told, in one line where it is one.
import { describeChanges } from '../support/describe-changes.ts'

const body = (returns: string, text: string) =>
  `CREATE OR REPLACE FUNCTION app.f(a integer) RETURNS ${returns} LANGUAGE sql AS $function$${text}$function$`

describeChanges({
  functions: {
    'a function': {
      before: `create function app.f(a int) returns int language sql as 'select a'`,
      change: 'drop function app.f',
      lines: ['- function app.f(integer)'],
    },
    'what it does': {
      before: `create function app.f(a int) returns int language sql as 'select a'`,
      change: `create or replace function app.f(a int) returns int language sql as 'select 1'`,
      lines: [`function app.f(integer): ${body('integer', 'select a')} -> ${body('integer', 'select 1')}`],
    },
    'as whom and how it does it': {
      before: `create function app.f(a int) returns int language sql as 'select a'`,
      change: `alter function app.f stable security definer leakproof parallel safe strict cost 5 set search_path = app`,
      lines: [
        `function app.f(integer): ${body('integer', 'select a')} -> ${body('integer', 'select a').replace(
          'AS $',
          `STABLE PARALLEL SAFE STRICT SECURITY DEFINER LEAKPROOF COST 5 SET search_path TO 'app' AS $`,
        )}`,
      ],
    },
    'another of the same name': {
      before: `create function app.f(a int) returns int language sql as 'select a'`,
      change: `create function app.f(a int, variadic b text[]) returns int language sql as 'select a'`,
      lines: [
        `+ function app.f(integer, text[]): ${body('integer', 'select a').replace('(a integer)', '(a integer, VARIADIC b text[])')}`,
      ],
    },
    'a body that Postgres has parsed': {
      before: 'create function app.f(a int) returns int return a + 1',
      change: 'create or replace function app.f(a int) returns int return a + 2',
      lines: [
        `function app.f(integer): CREATE OR REPLACE FUNCTION app.f(a integer) RETURNS integer LANGUAGE sql RETURN (a + 1) -> CREATE OR REPLACE FUNCTION app.f(a integer) RETURNS integer LANGUAGE sql RETURN (a + 2)`,
      ],
    },
    'a procedure': {
      before: `create procedure app.p(inout a int) language plpgsql as 'begin end'`,
      change: 'drop procedure app.p',
      lines: ['- procedure app.p(integer)'],
    },
    'an aggregate': {
      before: `create aggregate app.total (int) (sfunc = int4pl, stype = int, initcond = '0')`,
      change: `create or replace aggregate app.total (int) (sfunc = int4pl, stype = int, initcond = '1', combinefunc = int4pl)`,
      lines: [
        `aggregate app.total(integer): (integer) returns integer, sfunc int4pl(integer,integer), stype integer, initcond '0' -> (integer) returns integer, sfunc int4pl(integer,integer), stype integer, combinefunc int4pl(integer,integer), initcond '1'`,
      ],
    },
    'a trigger': {
      change: 'create trigger x before update of a on app.t for each row execute function app.touch()',
      lines: [
        '+ trigger app.t.x: CREATE TRIGGER x BEFORE UPDATE OF a ON app.t FOR EACH ROW EXECUTE FUNCTION app.touch()',
      ],
    },
    'that a trigger fires': {
      before: 'create trigger x before insert on app.t execute function app.touch()',
      change: 'alter table app.t disable trigger x',
      lines: [
        'trigger app.t.x: CREATE TRIGGER x BEFORE INSERT ON app.t FOR EACH STATEMENT EXECUTE FUNCTION app.touch() -> CREATE TRIGGER x BEFORE INSERT ON app.t FOR EACH STATEMENT EXECUTE FUNCTION app.touch() disabled',
      ],
    },
    'a constraint trigger': {
      change:
        'create constraint trigger x after insert on app.t deferrable initially deferred for each row execute function app.touch()',
      lines: [
        '+ trigger app.t.x: CREATE CONSTRAINT TRIGGER x AFTER INSERT ON app.t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION app.touch()',
      ],
    },
    'a trigger of a partitioned table, once': {
      before: 'create table app.p (a int) partition by list (a); create table app.p1 partition of app.p default',
      change: 'create trigger x after insert on app.p for each row execute function app.touch()',
      lines: ['+ trigger app.p.x: CREATE TRIGGER x AFTER INSERT ON app.p FOR EACH ROW EXECUTE FUNCTION app.touch()'],
    },
    'a trigger that does not fire on one partition': {
      before: `create table app.p (a int) partition by list (a); create table app.p1 partition of app.p default;
        create trigger x after insert on app.p for each row execute function app.touch()`,
      change: 'alter table app.p1 disable trigger x',
      lines: [
        '+ trigger app.p1.x: CREATE TRIGGER x AFTER INSERT ON app.p1 FOR EACH ROW EXECUTE FUNCTION app.touch() disabled',
      ],
    },
    'an event trigger': {
      before: `create function app.e() returns event_trigger language plpgsql as 'begin end';
        create event trigger e on ddl_command_end when tag in ('DROP TABLE', 'CREATE TABLE') execute function app.e()`,
      change: 'alter event trigger e disable',
      lines: [
        `event trigger e: on ddl_command_end when tag in ('CREATE TABLE', 'DROP TABLE') execute function app.e() -> on ddl_command_end when tag in ('CREATE TABLE', 'DROP TABLE') execute function app.e() disabled`,
      ],
    },
  },
  'policies and publications': {
    'a policy': {
      before: 'create policy p on app.t for select using (a > 0)',
      change: 'alter policy p on app.t using (a > 1)',
      lines: [
        'policy app.t.p: permissive for select to public using ((a > 0)) -> permissive for select to public using ((a > 1))',
      ],
    },
    'whom a policy is for': {
      before: 'create policy p on app.t as restrictive for insert with check (a > 0)',
      change: 'alter policy p on app.t to pg_monitor, pg_database_owner',
      lines: [
        'policy app.t.p: restrictive for insert to public with check ((a > 0)) -> restrictive for insert to pg_database_owner, pg_monitor with check ((a > 0))',
      ],
    },
    'a publication': {
      before: 'create publication p for table app.t',
      change: `alter publication p set (publish = 'insert, delete', publish_via_partition_root)`,
      lines: [
        'publication p: table app.t, publish insert update delete truncate -> table app.t, publish insert delete, via partition root',
      ],
    },
    'what it publishes of a table': {
      since: 15,
      before: 'create publication p for table app.t',
      change: 'alter publication p set table app.t (a, id) where (id > 0)',
      lines: [
        'publication p: table app.t, publish insert update delete truncate -> table app.t (a, id) where (id > 0), publish insert update delete truncate',
      ],
    },
    'a schema of a publication': {
      since: 15,
      before: 'create publication p for tables in schema app',
      change: 'alter publication p add tables in schema public',
      lines: [
        'publication p: schema app, publish insert update delete truncate -> schema app, schema public, publish insert update delete truncate',
      ],
    },
    'that it publishes what is generated': {
      since: 18,
      before: 'create publication p for all tables',
      change: 'alter publication p set (publish_generated_columns = stored)',
      lines: [
        'publication p: all tables, publish insert update delete truncate -> all tables, publish insert update delete truncate, generated columns stored',
      ],
    },
  },
})
