import type { Secret } from '../../base/secret.ts'
import type { UserPoolConfig } from './config.ts'
import type { Delivery } from './codes.ts'
import type { CodePurpose } from './store.ts'

const SUBJECTS: Readonly<Record<'sign-up' | 'reset' | 'verify', string>> = {
  'sign-up': 'Your verification code',
  reset: 'Your password reset code',
  verify: 'Your verification code',
}

/** How a code, or a temporary password, reaches its owner: the log, or a mail server. */
export interface Courier extends Delivery {
  /** Sends a temporary password. */
  sendPassword(
    to: { readonly username: string; readonly email: string | undefined },
    password: string,
  ): Promise<void>
  close(): void
}

/** Opens what `codes` of the configuration says. */
export async function openCourier(
  codes: UserPoolConfig['codes'],
  options: { say(line: string): void; passwordOf(secret: string): Secret | undefined },
): Promise<Courier> {
  if (codes === 'log') {
    return {
      medium: 'EMAIL',
      send({ username, purpose, code }) {
        options.say(`user-pool: the code of ${JSON.stringify(username)} to ${taskOf(purpose)} is ${code}`)
        return Promise.resolve()
      },
      sendPassword({ username }, password) {
        options.say(`user-pool: the temporary password of ${JSON.stringify(username)} is ${password}`)
        return Promise.resolve()
      },
      close() {},
    }
  }
  const { createTransport } = await import('nodemailer')
  const { smtp, from, user, passwordSecret } = codes
  /** Made for each mail: the password may have changed. */
  async function mail(to: string | undefined, subject: string, text: string): Promise<void> {
    if (to === undefined) throw new Error('the user has no address')
    const password = passwordSecret === undefined ? undefined : options.passwordOf(passwordSecret)?.reveal()
    const transport = createTransport({
      ...addressOf(smtp),
      ...(user !== undefined && { auth: { user, pass: password ?? '' } }),
      connectionTimeout: 10_000,
      socketTimeout: 10_000,
    })
    try {
      await transport.sendMail({ from, to, subject, text })
    } catch (error) {
      // A reply of the server says why; it never holds what was sent.
      options.say(
        `user-pool: a mail was not taken by ${new URL(smtp).host}: ${error instanceof Error ? error.message : String(error)}`,
      )
      throw error
    } finally {
      transport.close()
    }
  }
  return {
    medium: 'EMAIL',
    send({ email, purpose, code }) {
      const subject = SUBJECTS[purpose === 'sign-up' || purpose === 'reset' ? purpose : 'verify']
      return mail(email, subject, `Your code to ${taskOf(purpose)} is ${code}.\n`)
    },
    sendPassword({ username, email }, password) {
      return mail(
        email,
        'Your temporary password',
        `Your user name is ${username} and your temporary password is ${password}\n`,
      )
    },
    close() {},
  }
}

function addressOf(smtp: string): { host: string; port: number; secure: boolean } {
  const { protocol, hostname, port } = new URL(smtp)
  const secure = protocol === 'smtps:'
  return { host: hostname, port: port === '' ? (secure ? 465 : 587) : Number(port), secure }
}

function taskOf(purpose: CodePurpose): string {
  if (purpose === 'sign-up') return 'confirm the sign-up'
  if (purpose === 'reset') return 'choose a new password'
  return `confirm the ${purpose.slice(7)}`
}
