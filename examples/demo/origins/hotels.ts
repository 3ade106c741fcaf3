import { createServer } from 'node:http'

// The hotels team's server. It knows nothing of /hotels: its paths begin at /.
const hotels = [
  { id: 1, name: 'Grand Budapest', beds: 120 },
  { id: 2, name: 'Overlook', beds: 237 },
]
const bookings: unknown[] = []

const server = createServer((request, response) => {
  const { pathname } = new URL(request.url ?? '/', 'http://hotels')
  if (pathname === '/api/hotels') {
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(hotels))
  } else if (pathname === '/api/bookings' && request.method === 'POST') {
    let text = ''
    request.setEncoding('utf8')
    request.on('data', (piece: string) => (text += piece))
    request.on('end', () => {
      response.setHeader('content-type', 'application/json')
      try {
        bookings.push(JSON.parse(text))
        response.statusCode = 201
        response.end(JSON.stringify({ booked: bookings.length }))
      } catch {
        response.statusCode = 400
        response.end(JSON.stringify({ error: 'the body is not JSON' }))
      }
    })
  } else if (pathname === '/') {
    response.setHeader('content-type', 'text/html; charset=utf-8')
    response.setHeader('set-cookie', 'visited=hotels; Path=/; HttpOnly')
    const list = hotels.map((hotel) => `<li><a href="rooms/${hotel.id}">${hotel.name}</a>`).join('')
    response.end(
      `<!doctype html><title>Hotels</title><h1>Hotels</h1><ul>${list}</ul><p><a href="../">Home</a>`,
    )
  } else if (pathname === '/rooms') {
    // A redirect as an origin without a prefix writes it; the edge puts the prefix back.
    response.writeHead(301, { location: '/rooms/' })
    response.end()
  } else if (pathname.startsWith('/rooms/')) {
    const hotel = hotels.find((each) => `/rooms/${each.id}` === pathname)
    response.setHeader('content-type', 'text/html; charset=utf-8')
    response.end(
      `<!doctype html><title>Rooms</title><h1>${hotel?.name ?? 'All rooms'}</h1><p>${hotel?.beds ?? 357} beds`,
    )
  } else {
    response.statusCode = 404
    response.end('no such page at the hotels server\n')
  }
})

server.listen(Number(process.env['PORT'] ?? 0), '127.0.0.1', () => {
  const address = server.address()
  if (address !== null && typeof address === 'object') console.log(`listening on ${address.port}`)
})
