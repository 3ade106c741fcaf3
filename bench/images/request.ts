import { type Agent, get } from 'node:http'

/** The status of an answer that was read to its end. */
export function request(url: string, target: string, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    get(url + target, { agent }, (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode ?? 0))
      response.on('error', reject)
    }).on('error', reject)
  })
}
