import { type Lab, must } from '../lab.ts'

/** Gives an image of the laboratory the name that an example uses; what is returned takes it back. */
export async function tag(lab: Lab, image: string, name: string): Promise<() => Promise<unknown>> {
  const before = await lab.docker('image', 'inspect', '--format', '{{.Id}}', name)
  await must(lab.docker('tag', image, name))
  // Somebody's own image of that name gets it back.
  const restore = before.exitCode === 0 ? ['tag', before.stdout.trim(), name] : ['rmi', name]
  return () => lab.docker(...restore)
}
