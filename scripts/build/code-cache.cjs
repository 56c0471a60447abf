'use strict'
// `node code-cache.cjs FILE...`: writes beside each file what V8 makes of it, every function of it compiled. Has to be run
// by the Node that is to run the files, with the flags that it will have then: none.
const { readFileSync, writeFileSync } = require('node:fs')
const { setFlagsFromString } = require('node:v8')
const { Script } = require('node:vm')

for (const file of process.argv.slice(2)) {
  setFlagsFromString('--no-lazy')
  const script = new Script(readFileSync(file, 'utf8'), { filename: file })
  // The flags are part of what V8 compares when it reads it.
  setFlagsFromString('--lazy')
  writeFileSync(`${file}.cache`, script.createCachedData())
}
