#!/usr/bin/env node
'use strict'
// Starts start.js beside it. Beside each file is what V8 has made of it when it was built, so that a start compiles
// nothing. V8 itself refuses that for any other Node, processor or text, and then compiles the text as usual.
const { readFileSync } = require('node:fs')
const { dirname, resolve } = require('node:path')
const { Script } = require('node:vm')

const modules = new Map()

// Node loads all of perf_hooks for the sake of this one clock.
const performance = {
  now() {
    const [seconds, nanoseconds] = process.hrtime()
    return seconds * 1e3 + nanoseconds / 1e6
  },
}

// Files that are compiled by hand have no import() of their own that Node does not warn of.
const importModule = (name) => import(name)

function load(file) {
  const known = modules.get(file)
  if (known) return known.exports
  const module = { exports: {} }
  modules.set(file, module)
  const here = dirname(file)
  const compiled = new Script(readFileSync(file, 'utf8'), {
    filename: file,
    cachedData: readOr(`${file}.cache`),
  })
  const requireFrom = (name) => (name.startsWith('.') ? load(resolve(here, name)) : require(name))
  compiled.runInThisContext()(module.exports, requireFrom, module, file, here, performance, importModule)
  return module.exports
}

function readOr(file) {
  try {
    return readFileSync(file)
  } catch {
    return undefined
  }
}

load(resolve(__dirname, 'start.js'))
