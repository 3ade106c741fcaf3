import { writeFileSync } from 'node:fs'
import path from 'node:path'
import sharp from 'sharp'

/** The pictures that the guide works on; drawn here, so that they are nobody's but ours. */
const WIDTH = 180
const HEIGHT = 120

/** Where the head of the garden's owner is, as shares of the picture: what a detector would find. */
export const FACE = { Left: 0.695, Top: 0.37, Width: 0.12, Height: 0.2 } as const

const GARDEN = `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 180 120">
  <defs>
    <linearGradient id="sky" x2="0" y2="1"><stop stop-color="#5aa9e6"/><stop offset="1" stop-color="#fbe8c8"/></linearGradient>
    <linearGradient id="lawn" x2="0" y2="1"><stop stop-color="#7fb069"/><stop offset="1" stop-color="#3d6b35"/></linearGradient>
  </defs>
  <rect width="180" height="120" fill="url(#sky)"/>
  <circle cx="30" cy="26" r="13" fill="#ffd166"/>
  <path d="M0 72 Q35 40 75 70 T180 60 V120 H0z" fill="#8d99ae"/>
  <path d="M0 84 Q60 62 110 82 T180 78 V120 H0z" fill="url(#lawn)"/>
  <rect x="52" y="56" width="40" height="32" fill="#f1faee"/>
  <path d="M46 58 L72 36 L98 58z" fill="#c8553d"/>
  <rect x="60" y="66" width="9" height="9" fill="#457b9d"/>
  <rect x="76" y="68" width="10" height="20" fill="#6d4c3d"/>
  <path d="M81 88 Q84 104 70 120 H96 Q96 104 86 88z" fill="#e9c891"/>
  <rect x="19" y="70" width="5" height="22" fill="#6d4c3d"/>
  <circle cx="21" cy="62" r="14" fill="#2d6a4f"/>
  <circle cx="28" cy="68" r="9" fill="#40916c"/>
  <path d="M124 120 Q124 78 136 74 Q148 78 148 120z" fill="#7b2cbf"/>
  <circle cx="136" cy="57" r="10" fill="#f2c9a1"/>
  <path d="M126 55 Q127 44 136 45 Q146 44 146 55 Q136 50 126 55z" fill="#5f3b23"/>
  <circle cx="132" cy="57" r="1.3"/><circle cx="140" cy="57" r="1.3"/>
  <path d="M132 61 Q136 65 140 61" fill="none" stroke="#a4502f" stroke-width="1.2"/>
  <g fill="#e63946"><circle cx="108" cy="104" r="3"/><circle cx="160" cy="110" r="3"/><circle cx="168" cy="98" r="3"/></g>
  <g fill="#ffd166"><circle cx="116" cy="112" r="3"/><circle cx="40" cy="108" r="3"/><circle cx="52" cy="114" r="3"/></g>
</svg>`

const LOGO = (background: string) => `<svg xmlns="http://www.w3.org/2000/svg" width="60" height="60">
  <rect width="60" height="60" fill="${background}"/>
  <circle cx="30" cy="30" r="24" fill="none" stroke="#1d3557" stroke-width="8"/>
  <path d="M22 18 H40 M22 30 H36 M22 42 H40 M22 18 V42" stroke="#e63946" stroke-width="6" fill="none"/>
</svg>`

const FRAMES = 6

/** Writes them into a folder. */
export async function writeSourcePictures(folder: string): Promise<void> {
  const garden = () => sharp(Buffer.from(GARDEN))
  const put = (name: string, bytes: Buffer) => writeFileSync(path.join(folder, name), bytes)
  put('garden.jpg', await garden().jpeg({ quality: 90 }).toBuffer())
  // On its side, with the tag that says so, as phones write pictures.
  put(
    'phone.jpg',
    await garden().rotate(-90).withMetadata({ orientation: 6 }).jpeg({ quality: 90 }).toBuffer(),
  )
  put(
    'logo.png',
    await sharp(Buffer.from(LOGO('none')))
      .png()
      .toBuffer(),
  )
  put(
    'white.png',
    await sharp(Buffer.from(LOGO('#fff')))
      .png()
      .toBuffer(),
  )
  put(
    'framed.jpg',
    await garden()
      .extend({ top: 20, bottom: 20, left: 30, right: 30, background: '#fff' })
      .jpeg({ quality: 90 })
      .toBuffer(),
  )
  put('spin.gif', await spin())
}

async function spin(): Promise<Buffer> {
  const frames = await Promise.all(
    Array.from({ length: FRAMES }, (_, frame) =>
      sharp(Buffer.from(LOGO('#fff')))
        .resize(60, 60)
        .rotate((frame * 360) / FRAMES, { background: '#fff' })
        .resize(60, 60)
        .flatten({ background: '#fff' })
        .raw()
        .toBuffer(),
    ),
  )
  return sharp(Buffer.concat(frames), {
    raw: { width: 60, height: 60 * FRAMES, channels: 3, pageHeight: 60 },
  })
    .gif({ delay: frames.map(() => 150), loop: 0, colours: 16 })
    .toBuffer()
}
