import {
  type Token,
  float,
  hashOf,
  integer,
  operator,
  parameter,
  punctuation,
  quotedName,
  string,
  word,
} from './token.ts'

/**
 * What a statement looks like without its constants. Rows of VALUES are shapes of their own, in which every constant is
 * alike: the grammar takes them alike there, and each row by itself.
 */
export interface Shape {
  one: number
  two: number
  /** Of the row at hand. */
  rowOne: number
  rowTwo: number
  rowStart: number
  /** Where the rows of VALUES are; -1 without any. */
  valuesStart: number
  firstRowEnd: number
  valuesEnd: number
  inValues: boolean
  /** Whether a row has to come next: after VALUES and after a comma. */
  wantsRow: boolean
  inRow: boolean
  /** Whether an element of the row may begin here. */
  fresh: boolean
  /** A constant, or the sign before one, that counts as such only if the element ends after it. */
  held: number
  heldKind: number
  /** The rows, as pairs of offsets, whose shape has not been seen. */
  newRows: number[]
  newRowKeys: Set<number>
  readonly known: KnownShapes
}

/** The shapes that the parser has found right. */
export interface KnownShapes {
  readonly statements: Set<number>
  readonly rows: Set<number>
}

export function makeShape(known: KnownShapes): Shape {
  const row = {
    rowOne: 0,
    rowTwo: 0,
    rowStart: 0,
    valuesStart: -1,
    firstRowEnd: -1,
    valuesEnd: -1,
    inValues: false,
    wantsRow: false,
    inRow: false,
    fresh: false,
    held: 0,
    heldKind: 0,
  }
  return { one: 0, two: 0, ...row, newRows: [], newRowKeys: new Set(), known }
}

const insertWord = hashOf('insert')
const valuesWord = hashOf('values')
const constants = new Set(['null', 'true', 'false', 'default'].map(hashOf))
const [openParen, closeParen, comma, plusSign, minusSign] = [40, 41, 44, hashOf('+'), hashOf('-')]
const constant = 14

/** Begins another statement. */
export function resetShape(shape: Shape): void {
  shape.one = 0x811c9dc5
  shape.two = 0
  shape.inValues = shape.inRow = false
  shape.held = 0
  shape.valuesEnd = -1
  if (shape.newRows.length > 0) {
    shape.newRows = []
    shape.newRowKeys = new Set()
  }
}

/** What stands for the statement as a whole; two that share it differ in constants only. */
export function keyOf(shape: Shape): number {
  // A row that does not end and a comma that no row follows are errors.
  if (shape.inRow) return combine(~shape.one, shape.rowTwo)
  return combine(shape.inValues && shape.wantsRow ? ~shape.one : shape.one, shape.two)
}

/** Adds a token; `depth` counts the parentheses before it, `head` is the hash of the statement's first word. */
export function addToken(shape: Shape, token: Token, depth: number, head: number, start: number, end: number): void {
  const { kind } = token
  const isPlain = kind === word || kind === quotedName || kind > parameter
  const hash = isPlain ? token.hash : 0
  if (shape.inRow) addToRow(shape, kind, hash, depth, end)
  else if (shape.inValues && depth === 0 && kind === punctuation && hash === (shape.wantsRow ? openParen : comma)) {
    if (shape.wantsRow) beginRow(shape, start)
    shape.wantsRow = !shape.wantsRow
  } else {
    if (shape.inValues && shape.wantsRow) shape.one = ~shape.one
    shape.inValues = shape.wantsRow = head === insertWord && depth === 0 && kind === word && hash === valuesWord
    shape.one = mixOne(shape.one, kind, hash)
    shape.two = mixTwo(shape.two, kind, hash)
  }
}

function beginRow(shape: Shape, start: number): void {
  shape.inRow = shape.fresh = true
  shape.rowStart = start
  shape.rowOne = 0x811c9dc5
  shape.rowTwo = 0
}

function addToRow(shape: Shape, kind: number, hash: number, depth: number, end: number): void {
  const closes = depth === 1 && kind === punctuation && hash === closeParen
  const ends = closes || (depth === 1 && kind === punctuation && hash === comma)
  if (shape.held !== 0 && ends && shape.heldKind !== operator) mixRow(shape, constant, 0)
  else if (shape.held !== 0 && holds(shape, kind)) return
  else if (shape.held !== 0) mixRow(shape, shape.heldKind, shape.held)
  else if (shape.fresh && begins(kind, hash)) {
    shape.held = hash || 1
    shape.heldKind = kind
    shape.fresh = false
    return
  }
  shape.held = 0
  mixRow(shape, kind, hash)
  shape.fresh = ends
  if (!closes) return
  shape.inRow = false
  if (shape.valuesEnd < 0) {
    shape.valuesStart = shape.rowStart
    shape.firstRowEnd = end
  }
  shape.valuesEnd = end
  const key = combine(shape.rowOne, shape.rowTwo)
  if (!shape.known.rows.has(key) && !shape.newRowKeys.has(key)) {
    shape.newRows.push(shape.rowStart, end)
    shape.newRowKeys.add(key)
  }
}

function begins(kind: number, hash: number): boolean {
  if (kind === word) return constants.has(hash)
  if (kind === operator) return hash === minusSign || hash === plusSign
  return kind === string || kind === integer || kind === float
}

/** Whether a number after its sign goes on holding. */
function holds(shape: Shape, kind: number): boolean {
  if (shape.heldKind !== operator || (kind !== integer && kind !== float)) return false
  shape.heldKind = kind
  return true
}

function mixRow(shape: Shape, kind: number, hash: number): void {
  shape.rowOne = mixOne(shape.rowOne, kind, hash)
  shape.rowTwo = mixTwo(shape.rowTwo, kind, hash)
}

function mixOne(one: number, kind: number, hash: number): number {
  return Math.imul(Math.imul(one ^ kind, 0x01000193) ^ hash, 0x01000193)
}

function mixTwo(two: number, kind: number, hash: number): number {
  const mixed = Math.imul(two ^ (hash + Math.imul(kind + 1, 0x9e3779b1)), 0x85ebca6b)
  return mixed ^ (mixed >>> 15)
}

/** 53 bits of the two. */
function combine(one: number, two: number): number {
  return (two >>> 11) * 0x100000000 + (one >>> 0)
}
