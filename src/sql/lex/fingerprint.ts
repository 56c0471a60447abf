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
 * What a statement looks like without its constants. Each row of VALUES has a fingerprint of its own, in which all
 * constants are the same, because the grammar treats them the same there.
 */
export interface Fingerprint {
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
  /** A constant, or the sign before one; it counts as a constant only if the element ends after it. */
  held: number
  heldKind: number
  /** The rows, as pairs of offsets, whose fingerprint has not been seen. */
  newRows: number[]
  newRowKeys: Set<number>
  readonly known: KnownFingerprints
}

/** The fingerprints that the parser has found right. */
export interface KnownFingerprints {
  readonly statements: Set<number>
  readonly rows: Set<number>
}

/** Where a token of a statement stands. */
export interface TokenPlace {
  /** Its beginning and end in the text, in bytes. */
  start: number
  end: number
  /** How many parentheses are open before it. */
  depth: number
  /** The hash of the first word of its statement, 0 before there is one. */
  head: number
}

export function makeFingerprint(known: KnownFingerprints): Fingerprint {
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
export function resetFingerprint(fingerprint: Fingerprint): void {
  fingerprint.one = 0x811c9dc5
  fingerprint.two = 0
  fingerprint.inValues = fingerprint.inRow = false
  fingerprint.held = 0
  fingerprint.valuesEnd = -1
  if (fingerprint.newRows.length > 0) {
    fingerprint.newRows = []
    fingerprint.newRowKeys = new Set()
  }
}

/** The key of the whole statement: two statements with the same key differ only in their constants. */
export function keyOf(fingerprint: Fingerprint): number {
  // A row that does not end and a comma that no row follows are errors.
  if (fingerprint.inRow) return combine(~fingerprint.one, fingerprint.rowTwo)
  return combine(fingerprint.inValues && fingerprint.wantsRow ? ~fingerprint.one : fingerprint.one, fingerprint.two)
}

/** Adds the token that stands at this place. */
export function addToken(fingerprint: Fingerprint, token: Token, place: TokenPlace): void {
  const { kind } = token
  const { depth } = place
  const isPlain = kind === word || kind === quotedName || kind > parameter
  const hash = isPlain ? token.hash : 0
  if (fingerprint.inRow) addToRow(fingerprint, kind, hash, place)
  else if (
    fingerprint.inValues &&
    depth === 0 &&
    kind === punctuation &&
    hash === (fingerprint.wantsRow ? openParen : comma)
  ) {
    if (fingerprint.wantsRow) beginRow(fingerprint, place.start)
    fingerprint.wantsRow = !fingerprint.wantsRow
  } else {
    if (fingerprint.inValues && fingerprint.wantsRow) fingerprint.one = ~fingerprint.one
    fingerprint.inValues = fingerprint.wantsRow =
      place.head === insertWord && depth === 0 && kind === word && hash === valuesWord
    fingerprint.one = mixOne(fingerprint.one, kind, hash)
    fingerprint.two = mixTwo(fingerprint.two, kind, hash)
  }
}

function beginRow(fingerprint: Fingerprint, start: number): void {
  fingerprint.inRow = fingerprint.fresh = true
  fingerprint.rowStart = start
  fingerprint.rowOne = 0x811c9dc5
  fingerprint.rowTwo = 0
}

function addToRow(fingerprint: Fingerprint, kind: number, hash: number, { depth, end }: TokenPlace): void {
  const closes = depth === 1 && kind === punctuation && hash === closeParen
  const ends = closes || (depth === 1 && kind === punctuation && hash === comma)
  if (fingerprint.held !== 0 && ends && fingerprint.heldKind !== operator) mixRow(fingerprint, constant, 0)
  else if (fingerprint.held !== 0 && holds(fingerprint, kind)) return
  else if (fingerprint.held !== 0) mixRow(fingerprint, fingerprint.heldKind, fingerprint.held)
  else if (fingerprint.fresh && begins(kind, hash)) {
    fingerprint.held = hash || 1
    fingerprint.heldKind = kind
    fingerprint.fresh = false
    return
  }
  fingerprint.held = 0
  mixRow(fingerprint, kind, hash)
  fingerprint.fresh = ends
  if (!closes) return
  fingerprint.inRow = false
  if (fingerprint.valuesEnd < 0) {
    fingerprint.valuesStart = fingerprint.rowStart
    fingerprint.firstRowEnd = end
  }
  fingerprint.valuesEnd = end
  const key = combine(fingerprint.rowOne, fingerprint.rowTwo)
  if (!fingerprint.known.rows.has(key) && !fingerprint.newRowKeys.has(key)) {
    fingerprint.newRows.push(fingerprint.rowStart, end)
    fingerprint.newRowKeys.add(key)
  }
}

function begins(kind: number, hash: number): boolean {
  if (kind === word) return constants.has(hash)
  if (kind === operator) return hash === minusSign || hash === plusSign
  return kind === string || kind === integer || kind === float
}

/** Whether a number follows the sign that is held, and is held in its place. */
function holds(fingerprint: Fingerprint, kind: number): boolean {
  if (fingerprint.heldKind !== operator || (kind !== integer && kind !== float)) return false
  fingerprint.heldKind = kind
  return true
}

function mixRow(fingerprint: Fingerprint, kind: number, hash: number): void {
  fingerprint.rowOne = mixOne(fingerprint.rowOne, kind, hash)
  fingerprint.rowTwo = mixTwo(fingerprint.rowTwo, kind, hash)
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
