import { defineEdge } from 'edgeward'

// The demo starts the two server processes on free ports and says here where they are.
const hotels = `http://127.0.0.1:${process.env['HOTELS_PORT'] ?? 9001}`
const cars = `http://127.0.0.1:${process.env['CARS_PORT'] ?? 9002}`

export default defineEdge({
  listeners: [{ port: 8080 }],
  log: { console: true },
  distributions: {
    travel: {
      defaultRootObject: 'index.html',
      origins: {
        home: { folder: './home' },
        hotels: { url: hotels },
        pets: { folder: './pets' },
        cars: { url: cars },
      },
      defaultBehavior: { origin: 'home' },
      behaviors: [
        {
          path: '/hotels*',
          origin: 'hotels',
          stripPrefix: '/hotels',
          cachePolicy: 'CachingDisabled',
          originRequestPolicy: 'AllViewer',
        },
        { path: '/pets*', origin: 'pets', stripPrefix: '/pets' },
        {
          path: '/cars*',
          origin: 'cars',
          stripPrefix: '/cars',
          cachePolicy: 'CachingDisabled',
          originRequestPolicy: 'AllViewer',
        },
        {
          path: '/api*',
          origin: 'hotels',
          allowedMethods: 'all',
          cachePolicy: 'CachingDisabled',
          originRequestPolicy: 'AllViewer',
        },
      ],
      customErrorResponses: [{ errorCode: 404, responsePagePath: '/not-found.html', responseCode: 404 }],
    },
  },
})
