import { type Description, type SchemaObject, inOrder } from './description.ts'
import type { SchemaStory } from './steps.ts'

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
export function movedTo(description: Description, place: SchemaName): Description {
  const own = description.objects.filter(isMoved)
  const { text, object } = moverTo(place, own, description.notModelled)
  return {
    ...description,
    objects: inOrder(own.map(object)),
    notModelled: inPublicOnly(description.notModelled).map(text),
    ...(description.given ? { given: description.given.map(text) } : {}),
  }
}

/** The same of a whole story; the digests of its steps stay those of the story that was told. */
export function storyMovedTo(story: SchemaStory, place: SchemaName): SchemaStory {
  const own = story.steps.flatMap(({ put }) => put.filter(isMoved))
  const { text, object } = moverTo(place, own, story.notModelled)
  return {
    ...story,
    // In no step's own names are all that it speaks of: its columns may be of a table that an earlier one has made.
    steps: story.steps.map((step) => ({
      ...step,
      put: step.put.filter(isMoved).map(object),
      gone: step.gone.map(text),
    })),
    notModelled: inPublicOnly(story.notModelled).map(text),
    ...(story.given ? { given: story.given.map(text) } : {}),
  }
}

/** Moves texts and things, of which only those that are called so are meant. */
function moverTo({ schema, quoted }: SchemaName, own: readonly SchemaObject[], others: readonly string[]) {
  const texts = [...own.map(({ name }) => name), ...others]
  const moving = new Set(texts.flatMap((text) => [...text.matchAll(inPublic)].map(([, name]) => name!)))
  const move = (text: string) =>
    text.replace(inPublic, (whole, name: string) => (moving.has(name) ? `${quoted}.${name}` : whole))
  const object = (one: SchemaObject): SchemaObject => ({
    ...one,
    name: move(one.name),
    schema,
    is: move(one.is),
    ...(one.of === undefined ? {} : { of: move(one.of) }),
  })
  return { text: move, object }
}

function isMoved(one: SchemaObject): boolean {
  return one.schema === 'public' && !isOfDatabase(one)
}

function inPublicOnly(texts: readonly string[]): string[] {
  return texts.filter((text) => text.includes('public.'))
}

/** Whether it is of the database as a whole: schemas, and extensions wherever they are. */
export function isOfDatabase({ kind, of }: SchemaObject): boolean {
  return kind === 'schema' || kind === 'extension' || (of !== undefined && /^(schema|extension) /.test(of))
}
