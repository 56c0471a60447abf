import { bindParameters } from './bind-parameters.ts'
import type { Operation, Step } from './package.ts'

/**
 * One statement, on one line, that does what prisma does with an operation: nothing when all postchecks hold already;
 * else every precheck has to hold, the statements run, and every postcheck has to hold.
 */
export function operationSql({ id, precheck, execute, postcheck }: Operation): string {
  const failed = (phase: string) => (step: Step) =>
    `${ask(step)} if not ${isTrue} then raise exception using message = ${literal(
      `Operation ${id} failed during ${phase}: ${step.description ?? ''}`,
    )}; end if; `
  // Without postchecks nothing tells whether it was done.
  const isDone =
    postcheck.length === 0
      ? ''
      : `<<undone>> begin ${postcheck.map((step) => `${ask(step)} exit undone when not ${isTrue}; `).join('')}return; end; `
  const body = [
    'declare answer text; begin ',
    isDone,
    ...precheck.map(failed('precheck')),
    ...execute.map((step) => `execute ${literal(bindParameters(step))}; `),
    ...postcheck.map(failed('postcheck')),
    'end',
  ].join('')
  const tag = unusedTag(body)
  return `do ${tag}${body}${tag}; `
}

/** Asks a check; only the first column of the first row counts. */
function ask(step: Step): string {
  return `execute ${literal(bindParameters(step))} into answer;`
}

/** What prisma takes for true: also a number that is not 0, and any other text. */
const isTrue = `coalesce(pg_catalog.lower(answer) not in ('f', 'false', '0', ''), false)`

/** On one line, and the same whatever standard_conforming_strings is. */
function literal(text: string): string {
  const escaped = text
    .replaceAll('\\', '\\\\')
    .replaceAll("'", "''")
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\0', '\\000')
  return `E'${escaped}'`
}

function unusedTag(body: string): string {
  for (let i = 0; ; i += 1) {
    const tag = `$operation${i === 0 ? '' : i}$`
    if (!body.includes(tag)) return tag
  }
}

/** The lines, from 0, at which the operations of a text begin, as prisma writes it; else all at the first. */
export function linesOf(text: string, count: number): readonly number[] {
  const starts = text.split('\n').flatMap((line, i) => (/^ {2}\{\r?$/.test(line) ? i : []))
  return starts.length === count ? starts : Array.from({ length: count }, () => 0)
}
