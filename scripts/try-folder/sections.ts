// Takes the texts of tools apart that mark their directions in one file: written after those tools, not after src/folder.

/** What is meant to go up, statement by statement or in one piece. */
export interface Section {
  readonly messages: readonly string[]
  readonly wrapped: boolean
}

/** dbmate: each section from `migrate:up` to `migrate:down` is sent whole. */
export function dbmateUp(text: string): Section {
  const marks = [...text.matchAll(/^--\s*migrate:(up|down)(\s*$|\s+\S+.*$)/gm)]
  const ups = marks.flatMap((mark, i) =>
    mark[1] === 'up' ? { options: mark[2]!, sql: text.slice(mark.index, marks[i + 1]?.index) } : [],
  )
  return { messages: ups.map(({ sql }) => sql), wrapped: !ups.some(({ options }) => /transaction:false/.test(options)) }
}

/** goose: a statement ends at a line that ends with `;`, or where a mark says so; comments before it are not sent. */
export function gooseUp(text: string): Section {
  const messages: string[] = []
  let [isUp, isWhole, wrapped, held] = [false, false, true, '']
  const flush = () => {
    if (held) messages.push(held)
    held = ''
  }
  for (const line of text.split(/\r?\n/)) {
    const command = /^--.*?\+goose\s+(.*)$/i.exec(line)?.[1]?.trim().toLowerCase()
    if (command === 'no transaction') wrapped = false
    if (command === 'up' || command === 'down') isUp = command === 'up'
    if (command === 'statementbegin') isWhole = true
    if (command === 'statementend') {
      isWhole = false
      flush()
    }
    if (command !== undefined || !isUp) continue
    if (held === '' && (line === '' || line.trimStart().startsWith('--'))) continue
    held += `${line}\n`
    if (!isWhole && endsStatement(line)) flush()
  }
  return { messages, wrapped }
}

/** sql-migrate: as goose, but lines that are a comment are nowhere sent, and a mark begins with exactly `-- +`. */
export function sqlMigrateUp(text: string): Section {
  const messages: string[] = []
  let [isUp, isWhole, isEnded, wrapped, held] = [false, false, false, true, '']
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith('-- ') && !line.startsWith('-- +')) continue
    const [command, ...rest] = line.startsWith('-- +migrate ')
      ? line.slice('-- +migrate '.length).trim().split(/\s+/)
      : []
    if (command === 'Up' || command === 'Down') isUp = command === 'Up'
    if (command === 'Up' && rest.includes('notransaction')) wrapped = false
    if (command === 'StatementBegin') isWhole = true
    if (command === 'StatementEnd') [isEnded, isWhole] = [isWhole, false]
    if (!isUp) continue
    if (!line.startsWith('-- +')) held += `${line}\n`
    if (!isEnded && (isWhole || !endsStatement(line))) continue
    messages.push(held)
    held = ''
    isEnded = false
  }
  return { messages, wrapped }
}

/** As both look for it: the last word before a comment ends with a semicolon. */
function endsStatement(line: string): boolean {
  const words = line.split(/\s+/).filter(Boolean)
  const comment = words.findIndex((word) => word.startsWith('--'))
  return (comment === -1 ? words : words.slice(0, comment)).at(-1)?.endsWith(';') ?? false
}

/** tern: what stands above its line. */
export function ternUp(text: string): Section {
  const [up] = text.split(/^---- create above \/ drop below ----\s*$/m)
  return { messages: [up!], wrapped: !/^---- tern: disable-tx ----\s*$/m.test(text) }
}

/** node-pg-migrate: from its up mark to its down mark, and all of the text when it has no up mark. */
export function nodePgMigrateUp(text: string): string {
  const up = text.search(/^\s*--[\s-]*up\s+migration/im)
  const down = text.search(/^\s*--[\s-]*down\s+migration/im)
  if (up === -1) return text
  return text.slice(up, down > up ? down : undefined)
}

/** graphile-migrate: what follows the header lines and one empty line, with its placeholders replaced. */
export function graphileUp(text: string, values: Readonly<Record<string, string>>): Section {
  const lines = text.split('\n')
  const start = lines.findIndex((line) => !/^--! [A-Z][a-zA-Z0-9_]*(:.*)?$/.test(line))
  const body = lines.slice(start).join('\n').trim()
  const replaced = body.replace(/:([A-Z][A-Z0-9_]*)\b/g, (found, name: string) => values[name] ?? found)
  return { messages: [replaced], wrapped: !/^--!\s*no-transaction\b/.test(body) }
}
