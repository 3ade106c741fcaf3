import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'

/** States of a user, as the API names them. */
export type UserStatus = 'UNCONFIRMED' | 'CONFIRMED' | 'FORCE_CHANGE_PASSWORD' | 'RESET_REQUIRED'

export interface User {
  readonly poolId: string
  /** Never changes; part of the verifier. */
  readonly username: string
  /** Id of the user, a UUID. */
  readonly sub: string
  status: UserStatus
  enabled: boolean
  attributes: Readonly<Record<string, string>>
  /** SRP salt and verifier in hexadecimal; the password itself is nowhere. */
  salt: string
  verifier: string
  /** Milliseconds since the epoch. */
  readonly createdAt: number
  modifiedAt: number
  /** Wrong passwords since the last right one, and until when none is looked at. */
  failures: number
  lockedUntil: number
}

export interface CodeRow {
  /** SHA-256 of the code with what it is for. */
  readonly hash: string
  readonly expiresAt: number
  readonly tries: number
}

/** What codes are for. `verify` is one for each attribute. */
export type CodePurpose = 'sign-up' | 'reset' | `verify ${string}`

export interface RefreshRow {
  readonly hash: string
  readonly poolId: string
  readonly clientId: string
  readonly username: string
  /** Ties together all tokens that came of one sign-in. */
  readonly originJti: string
  /** Seconds since the epoch. */
  readonly authTime: number
  readonly expiresAt: number
  /** After a rotation: until when it still works. */
  readonly graceUntil: number | null
}

/** Users, codes and tokens in one SQLite file that only its owner can read. Synchronous, as `node:sqlite` is. */
export class PoolStore {
  readonly #db: DatabaseSync
  readonly #statements = new Map<string, ReturnType<DatabaseSync['prepare']>>()

  constructor(file: string) {
    if (file !== ':memory:') {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
      // Made before SQLite makes it, so that it is never readable to others; its journal takes the same mode.
      closeSync(openSync(file, 'a', 0o600))
      chmodSync(file, 0o600)
    }
    this.#db = new DatabaseSync(file)
    this.#db.exec(SCHEMA)
  }

  findUser(poolId: string, username: string): User | undefined {
    return userOf(this.#get('SELECT * FROM users WHERE pool_id = ? AND username = ?', poolId, username))
  }

  findBySub(poolId: string, sub: string): User | undefined {
    return userOf(this.#get('SELECT * FROM users WHERE pool_id = ? AND sub = ?', poolId, sub))
  }

  findByEmail(poolId: string, email: string): User | undefined {
    return userOf(
      this.#get('SELECT * FROM users WHERE pool_id = ? AND email = ?', poolId, email.toLowerCase()),
    )
  }

  listUsers(poolId: string, after: string, limit: number): User[] {
    return this.#all(
      'SELECT * FROM users WHERE pool_id = ? AND username > ? ORDER BY username LIMIT ?',
      poolId,
      after,
      limit,
    ).map((row) => userOf(row)!)
  }

  /** False when there is one of this name. */
  addUser(user: User): boolean {
    return (
      this.#run(
        `INSERT OR IGNORE INTO users (pool_id, username, sub, status, enabled, attributes, email, salt, verifier, created_at,
           modified_at, failures, locked_until) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        user.poolId,
        user.username,
        user.sub,
        ...changing(user),
        user.salt,
        user.verifier,
        user.createdAt,
        user.modifiedAt,
        user.failures,
        user.lockedUntil,
      ) === 1
    )
  }

  saveUser(user: User): void {
    this.#run(
      `UPDATE users SET status = ?, enabled = ?, attributes = ?, email = ?, salt = ?, verifier = ?, modified_at = ?,
         failures = ?, locked_until = ? WHERE pool_id = ? AND username = ?`,
      ...changing(user),
      user.salt,
      user.verifier,
      user.modifiedAt,
      user.failures,
      user.lockedUntil,
      user.poolId,
      user.username,
    )
  }

  deleteUser(poolId: string, username: string): void {
    this.#run('DELETE FROM users WHERE pool_id = ? AND username = ?', poolId, username)
    this.#run('DELETE FROM codes WHERE pool_id = ? AND username = ?', poolId, username)
    this.endSessions(poolId, username)
  }

  saveCode(poolId: string, username: string, purpose: CodePurpose, hash: string, expiresAt: number): void {
    this.#run(
      'INSERT OR REPLACE INTO codes (pool_id, username, purpose, hash, expires_at, tries) VALUES (?, ?, ?, ?, ?, 0)',
      poolId,
      username,
      purpose,
      hash,
      expiresAt,
    )
  }

  /** The code, counted as tried once more. */
  tryCode(poolId: string, username: string, purpose: CodePurpose): CodeRow | undefined {
    this.#run(
      'UPDATE codes SET tries = tries + 1 WHERE pool_id = ? AND username = ? AND purpose = ?',
      poolId,
      username,
      purpose,
    )
    const row = this.#get(
      'SELECT hash, expires_at, tries FROM codes WHERE pool_id = ? AND username = ? AND purpose = ?',
      poolId,
      username,
      purpose,
    )
    if (row === undefined) return undefined
    return { hash: text(row, 'hash'), expiresAt: number(row, 'expires_at'), tries: number(row, 'tries') }
  }

  dropCode(poolId: string, username: string, purpose: CodePurpose): void {
    this.#run(
      'DELETE FROM codes WHERE pool_id = ? AND username = ? AND purpose = ?',
      poolId,
      username,
      purpose,
    )
  }

  addRefresh(row: RefreshRow): void {
    this.#run(
      `INSERT INTO refresh_tokens (hash, pool_id, client_id, username, origin_jti, auth_time, expires_at, grace_until)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      row.hash,
      row.poolId,
      row.clientId,
      row.username,
      row.originJti,
      row.authTime,
      row.expiresAt,
      row.graceUntil,
    )
    this.#run(
      'INSERT OR IGNORE INTO sessions (origin_jti, pool_id, username) VALUES (?, ?, ?)',
      row.originJti,
      row.poolId,
      row.username,
    )
  }

  findRefresh(hash: string): RefreshRow | undefined {
    const row = this.#get('SELECT * FROM refresh_tokens WHERE hash = ?', hash)
    if (row === undefined) return undefined
    const grace = row['grace_until']
    return {
      hash,
      poolId: text(row, 'pool_id'),
      clientId: text(row, 'client_id'),
      username: text(row, 'username'),
      originJti: text(row, 'origin_jti'),
      authTime: number(row, 'auth_time'),
      expiresAt: number(row, 'expires_at'),
      graceUntil: typeof grace === 'number' ? grace : null,
    }
  }

  setGrace(hash: string, until: number): void {
    this.#run('UPDATE refresh_tokens SET grace_until = ? WHERE hash = ?', until, hash)
  }

  /** Ends all that came of one sign-in. */
  endSession(originJti: string): void {
    this.#run('DELETE FROM refresh_tokens WHERE origin_jti = ?', originJti)
    this.#run('DELETE FROM sessions WHERE origin_jti = ?', originJti)
  }

  /** Ends everything of a user. */
  endSessions(poolId: string, username: string): void {
    this.#run('DELETE FROM refresh_tokens WHERE pool_id = ? AND username = ?', poolId, username)
    this.#run('DELETE FROM sessions WHERE pool_id = ? AND username = ?', poolId, username)
  }

  /** Whether tokens of this sign-in are still good. */
  isSession(originJti: string): boolean {
    return this.#get('SELECT 1 FROM sessions WHERE origin_jti = ?', originJti) !== undefined
  }

  /** Forgets what has expired. */
  sweep(nowMs: number): void {
    this.#run('DELETE FROM codes WHERE expires_at < ?', nowMs)
    this.#run('DELETE FROM refresh_tokens WHERE expires_at < ?', nowMs)
    this.#run('DELETE FROM sessions WHERE origin_jti NOT IN (SELECT origin_jti FROM refresh_tokens)')
  }

  /** A value kept under a name, made by `create` when there is none. */
  keep(name: string, create: () => string): string {
    const row = this.#get('SELECT value FROM kept WHERE name = ?', name)
    if (row !== undefined) return text(row, 'value')
    this.#run('INSERT OR IGNORE INTO kept (name, value) VALUES (?, ?)', name, create())
    return text(this.#get('SELECT value FROM kept WHERE name = ?', name)!, 'value')
  }

  close(): void {
    this.#statements.clear()
    this.#db.close()
  }

  #prepared(sql: string): ReturnType<DatabaseSync['prepare']> {
    let statement = this.#statements.get(sql)
    if (statement === undefined) this.#statements.set(sql, (statement = this.#db.prepare(sql)))
    return statement
  }

  #get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#prepared(sql).get(...values)
  }

  #all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#prepared(sql).all(...values)
  }

  #run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#prepared(sql).run(...values).changes)
  }
}

type Row = Readonly<Record<string, unknown>>

function changing(user: User): [string, number, string, string | null] {
  const email = user.attributes['email']
  return [user.status, user.enabled ? 1 : 0, JSON.stringify(user.attributes), email?.toLowerCase() ?? null]
}

function userOf(row: Row | undefined): User | undefined {
  if (row === undefined) return undefined
  return {
    poolId: text(row, 'pool_id'),
    username: text(row, 'username'),
    sub: text(row, 'sub'),
    // Both columns are written by `changing` alone.
    status: text(row, 'status') as UserStatus,
    attributes: JSON.parse(text(row, 'attributes')) as Record<string, string>,
    enabled: number(row, 'enabled') === 1,
    salt: text(row, 'salt'),
    verifier: text(row, 'verifier'),
    createdAt: number(row, 'created_at'),
    modifiedAt: number(row, 'modified_at'),
    failures: number(row, 'failures'),
    lockedUntil: number(row, 'locked_until'),
  }
}

function text(row: Row, name: string): string {
  const value = row[name]
  if (typeof value !== 'string') throw new Error(`the column ${name} of the user pool's file holds no text`)
  return value
}

function number(row: Row, name: string): number {
  const value = row[name]
  if (typeof value !== 'number') throw new Error(`the column ${name} of the user pool's file holds no number`)
  return value
}

// WAL without a sync per write: safe against the end of the process, not against a loss of power.
const SCHEMA = `
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA busy_timeout = 2000;
CREATE TABLE IF NOT EXISTS users (
  pool_id TEXT NOT NULL, username TEXT NOT NULL, sub TEXT NOT NULL, status TEXT NOT NULL, enabled INTEGER NOT NULL,
  attributes TEXT NOT NULL, email TEXT, salt TEXT NOT NULL, verifier TEXT NOT NULL, created_at INTEGER NOT NULL,
  modified_at INTEGER NOT NULL, failures INTEGER NOT NULL, locked_until INTEGER NOT NULL,
  PRIMARY KEY (pool_id, username)
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS users_by_sub ON users (pool_id, sub);
CREATE INDEX IF NOT EXISTS users_by_email ON users (pool_id, email);
CREATE TABLE IF NOT EXISTS codes (
  pool_id TEXT NOT NULL, username TEXT NOT NULL, purpose TEXT NOT NULL, hash TEXT NOT NULL, expires_at INTEGER NOT NULL,
  tries INTEGER NOT NULL, PRIMARY KEY (pool_id, username, purpose)
) STRICT;
CREATE TABLE IF NOT EXISTS refresh_tokens (
  hash TEXT PRIMARY KEY, pool_id TEXT NOT NULL, client_id TEXT NOT NULL, username TEXT NOT NULL, origin_jti TEXT NOT NULL,
  auth_time INTEGER NOT NULL, expires_at INTEGER NOT NULL, grace_until INTEGER
) STRICT;
CREATE INDEX IF NOT EXISTS refresh_tokens_by_user ON refresh_tokens (pool_id, username);
CREATE TABLE IF NOT EXISTS sessions (origin_jti TEXT PRIMARY KEY, pool_id TEXT NOT NULL, username TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS sessions_by_user ON sessions (pool_id, username);
CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
`
