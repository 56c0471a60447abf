import type { ExaminedFolder } from './folder.ts'

/** The Dockerfile that fits the folders; null when nobody can tell whose the migrations are, or there are none. */
export function dockerfileFor({ shown, whose, migrations, isCompiled, seeds }: ExaminedFolder): string | null {
  if (whose === null || (migrations === null && !isCompiled)) return null
  const copies = [copy(shown, '/migrations'), ...(seeds ? [copy(seeds.shown, '/seeds')] : [])]
  // A bundle runs as it is, and compile refuses it.
  if (isCompiled || seeds?.isCompiled) return ['FROM upfront', ...copies].join('\n')
  return [
    'FROM upfront AS compiled',
    'USER 0',
    ...copies,
    // A copy lacks what tells of its tool from outside of the folder; the bundle remembers it.
    ...(whose.format === 'plain' ? [] : [`ENV UPFRONT_FORMAT=${whose.format}`]),
    'RUN ["upfront", "compile", "--out", "/bundle"]',
    '',
    'FROM upfront',
    'COPY --from=compiled /bundle/ /',
  ].join('\n')
}

/** What is not below the working directory is named as it is called there: the build context is for its owner to choose. */
function copy(from: string, to: string): string {
  const path = from.replace(/^\/+/, '') || '.'
  return /^[\w./@%+-]+$/.test(path) ? `COPY ${path} ${to}` : `COPY ${JSON.stringify([path, to])}`
}
