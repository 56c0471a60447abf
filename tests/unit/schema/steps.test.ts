import { expect, test } from 'vitest'
import { type SchemaObject, inOrder } from '../../../src/schema/description.ts'
import { type SchemaStory, digestOfSchema, schemaAfter, stepBetween } from '../../../src/schema/steps.ts'

const table = (name: string, is = ''): SchemaObject => ({ kind: 'table', name, schema: 'app', is })

const states: readonly (readonly SchemaObject[])[] = [
  [table('app.a')],
  [table('app.a'), table('app.b', 'unlogged')],
  [table('app.b')],
  [table('app.a', 'again'), table('app.b', 'unlogged')],
]
const names = ['1_a', '2_b', '3_drop', '4_again']

const story: SchemaStory = {
  major: 18,
  notModelled: [],
  steps: states.map((state, i) => stepBetween(names[i]!, i === 0 ? [] : states[i - 1]!, state)),
}

test.each(names.map((name, i) => [name, i] as const))(
  'the schema after %s is what it was when it was read',
  (name, i) => {
    const { objects } = schemaAfter(story, name)!
    expect(objects).toEqual(inOrder(states[i]!))
    expect(digestOfSchema(objects)).toBe(story.steps[i]!.digest)
  },
)

test('without a name it is the schema after all of them', () => {
  expect(schemaAfter(story)).toEqual(schemaAfter(story, '4_again'))
  expect(schemaAfter({ ...story, steps: [] })!.objects).toEqual([])
})

test('a name that the story does not have has no schema', () => {
  expect(schemaAfter(story, '5_unknown')).toBeNull()
})

test('a name is found in any spelling of Unicode', () => {
  const steps = [stepBetween('1_\u00e9', [], [table('app.a')])]
  expect(schemaAfter({ ...story, steps }, '1_e\u0301')!.objects).toHaveLength(1)
})

test('a step keeps what it has changed and nothing else', () => {
  expect(story.steps[1]).toMatchObject({ put: [table('app.b', 'unlogged')], gone: [] })
  expect(story.steps[2]).toMatchObject({ put: [table('app.b')], gone: ['table app.a'] })
})

test('the digest depends on the lines and not on their order', () => {
  expect(digestOfSchema([...states[1]!].reverse())).toBe(digestOfSchema(states[1]!))
  expect(digestOfSchema(states[1]!)).not.toBe(digestOfSchema(states[3]!))
})
