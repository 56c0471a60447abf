/** What the line says that begins the down part of a migration's own file. */
export const downMarker = 'upfront:down'

/** That line, alone. */
export const downLine = /^--[ \t]*upfront:down[ \t]*$/
