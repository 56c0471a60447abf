// A process that can be killed without a word leaves this to somebody who lives a moment longer.
import { spawn } from 'node:child_process'
import { platform } from 'node:os'

// Reading ends when the process that holds the other end of the pipe does, however it does.
const script = `
read -r never
tries=0
while [ $tries -lt 100 ]; do
  pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null) && kill -QUIT "$pid" 2>/dev/null && sleep 0.2
  rm -rf "$@" 2>/dev/null
  for folder; do [ -e "$folder" ] && break; folder=; done
  [ -z "$folder" ] && exit
  tries=$((tries + 1))
  sleep 0.1
done`

/**
 * Ends the server whose data is below the first of these folders, and removes all of them, as soon as this process is
 * gone without having done so, with programs of PATH; answers how to call that off. Does nothing on Windows.
 */
export function buryAfterUs(folders: readonly string[], PATH: string | undefined): () => void {
  if (platform() === 'win32') return () => {}
  const child = spawn('/bin/sh', ['-c', script, 'upfront-postgres', ...folders], {
    cwd: '/',
    // A Ctrl-C in the terminal, or its end, is not meant for it.
    detached: true,
    env: { PATH },
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  // Without a shell there is nobody to do it.
  child.on('error', () => {})
  child.stdin.on('error', () => {})
  child.unref()
  ;(child.stdin as unknown as { unref(): void }).unref()
  return () => void child.kill('SIGKILL')
}
