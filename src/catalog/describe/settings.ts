/**
 * On what the words of Postgres depend, whatever the database or the role has set. Nothing that people make is on this
 * search_path, so that every name of theirs is written with its schema.
 */
export const canonical: Readonly<Record<string, string>> = {
  search_path: 'pg_catalog, pg_temp',
  quote_all_identifiers: 'off',
  standard_conforming_strings: 'on',
  TimeZone: 'UTC',
  DateStyle: 'ISO, YMD',
  IntervalStyle: 'postgres',
  extra_float_digits: '1',
  bytea_output: 'hex',
  lc_monetary: 'C',
  lc_numeric: 'C',
  lc_time: 'C',
  xmloption: 'content',
  xmlbinary: 'base64',
  // A plan that is compiled costs more than all of these questions.
  jit: 'off',
}
