import { defineEdge } from 'edgeward'

// run.ts starts the two origins on free ports and says here where they are.
const folder = process.env['EXAMPLE_FOLDER'] ?? './run'
const nginx = process.env['NGINX'] ?? '/usr/sbin/nginx'
const conf = ['-p', folder, '-c', `${folder}/nginx.conf`, '-e', `${folder}/error.log`]

// A value lives for five seconds and is accepted for five more. In earnest an hour or a day is a good interval.
const originVerify = { rotateEverySeconds: 5, test: { path: '/health', stableMs: 300, everyMs: 100 } }

export default defineEdge({
  listeners: [{ port: 8080, host: '127.0.0.1' }],
  admin: false,
  dataFolder: `${folder}/data`,
  distributions: {
    shop: {
      origins: {
        express: {
          url: `http://127.0.0.1:${process.env['EXPRESS_PORT'] ?? 9001}`,
          originVerify: { ...originVerify, tell: [{ file: `${folder}/accepted.json` }] },
        },
        nginx: {
          url: `http://127.0.0.1:${process.env['NGINX_PORT'] ?? 9002}`,
          originVerify: {
            ...originVerify,
            tell: [{ nginx: `${folder}/verify.conf`, reload: [nginx, ...conf, '-s', 'reload'] }],
          },
        },
      },
      defaultBehavior: { origin: 'express', cachePolicy: 'CachingDisabled' },
      behaviors: [{ path: '/nginx*', origin: 'nginx', cachePolicy: 'CachingDisabled' }],
    },
  },
})
