// Four bundles, each of them the files before it and one or two more.
import type { Files } from '../../../support/database.ts'
import type { Random } from './random.ts'

/** One migration. It leaves a row without any key, so that one which ran twice is seen. */
export interface Step {
  readonly n: number
  readonly name: string
  readonly kind: 'plain' | 'contract' | 'outside'
  readonly text: string
}

export const bundleCount = 4

export function makeBundles(random: Random): readonly (readonly Step[])[] {
  const steps: Step[] = [makeStep(1, 'plain')]
  return Array.from({ length: bundleCount }, (_, i) => {
    for (let more = 1 + random.int(2); more > 0; more -= 1)
      steps.push(makeStep(steps.length + 1, i === 0 ? 'plain' : random.weighted({ plain: 4, contract: 2, outside: 3 })))
    return [...steps]
  })
}

export function filesOf(steps: readonly Step[]): Files {
  return Object.fromEntries(steps.map(({ name, text }) => [`${name}.sql`, text]))
}

/** What a file does, for those who do it by hand. */
export function byHand({ text }: Step): string {
  return text.slice(0, text.indexOf('-- upfront:down')).replace('concurrently ', '')
}

function makeStep(n: number, kind: Step['kind']): Step {
  const work = `${n === 1 ? 'create table ran (step int);\n' : ''}create table t${n} (id int);\ninsert into ran values (${n});\n`
  const down = `-- upfront:down\ndrop table t${n};\n${n === 1 ? 'drop table ran;\n' : `delete from ran where step = ${n};\n`}`
  const text = {
    plain: `${work}select pg_sleep(0.02);\n`,
    contract: `-- upfront:contract\n${work}`,
    outside: `-- upfront:no-transaction\nbegin;\n${work}commit;\ncreate index concurrently t${n}_id on t${n} (id);\nselect pg_sleep(0.02);\n`,
  }
  return { n, name: `00${n}_step`.slice(-8), kind, text: text[kind] + down }
}
