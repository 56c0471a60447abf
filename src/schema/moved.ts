import { type Description, type SchemaObject, inOrder } from './description.ts'

/** A schema's name as it is, and as Postgres writes it where a name is expected. */
export interface SchemaName {
  readonly schema: string
  readonly quoted: string
}

const inPublic = /(?<![\w$".])public\.("(?:[^"]|"")+"|[\w$]+)/g

/**
 * What stands in `public`, as it would stand in another schema. What else is called `public.something` there, such as an
 * extension's type, stays where it is, and what stands in no schema or in another one is left out.
 */
export function movedTo(description: Description, { schema, quoted }: SchemaName): Description {
  const own = description.objects.filter((one) => one.schema === 'public' && !isOfDatabase(one))
  const texts = [...own.map(({ name }) => name), ...description.notModelled]
  const moving = new Set(texts.flatMap((text) => [...text.matchAll(inPublic)].map(([, name]) => name!)))
  const move = (text: string) =>
    text.replace(inPublic, (whole, name: string) => (moving.has(name) ? `${quoted}.${name}` : whole))
  const objects = own.map((one) => ({
    ...one,
    name: move(one.name),
    schema,
    is: move(one.is),
    ...(one.of === undefined ? {} : { of: move(one.of) }),
  }))
  return {
    ...description,
    objects: inOrder(objects),
    notModelled: description.notModelled.filter((text) => text.includes('public.')).map(move),
    ...(description.given ? { given: description.given.map(move) } : {}),
  }
}

/** Whether it is of the database as a whole: schemas, and extensions wherever they are. */
export function isOfDatabase({ kind, of }: SchemaObject): boolean {
  return kind === 'schema' || kind === 'extension' || (of !== undefined && /^(schema|extension) /.test(of))
}
