'use strict'
// What pg needs of cryptography to log in, by Node's own functions: pg uses the web's, for runtimes that have no others,
// and loading those costs every start, also one that needs no password.
const { createHash, createHmac, pbkdf2, randomBytes } = {
  createHash: (name) => require('crypto').createHash(name),
  createHmac: (name, key) => require('crypto').createHmac(name, key),
  pbkdf2: (...args) => require('crypto').pbkdf2(...args),
  randomBytes: (length) => require('crypto').randomBytes(length),
}

function md5(data) {
  return createHash('md5').update(data).digest('hex')
}

module.exports = {
  md5: async (data) => md5(data),
  postgresMd5PasswordHash: async (user, password, salt) =>
    `md5${md5(Buffer.concat([Buffer.from(md5(password + user)), salt]))}`,
  randomBytes,
  sha256: async (data) => createHash('sha256').update(Buffer.from(data)).digest(),
  /** By the web's names: SHA-256, SHA-384, SHA-512. */
  hashByName: async (name, data) => createHash(name.replace('-', '')).update(Buffer.from(data)).digest(),
  hmacSha256: async (key, text) => createHmac('sha256', Buffer.from(key)).update(text).digest(),
  deriveKey: (password, salt, iterations) =>
    new Promise((resolve, reject) => {
      pbkdf2(password, salt, iterations, 32, 'sha256', (error, key) => (error ? reject(error) : resolve(key)))
    }),
}
