import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { classifyDevice, createDeviceClassifier, type Device } from './device.ts'

const WEBKIT = 'AppleWebKit/537.36 (KHTML, like Gecko)'
const CHROME = 'Chrome/126.0.0.0'

/** What is true of the device, in a row of words; then the User-Agents of which it is. */
const cases: Readonly<Record<string, readonly string[]>> = {
  'mobile ios': [
    'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1',
    'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/126.0.6478.35 Mobile/15E148 Safari/604.1',
    'Mozilla/5.0 (iPod touch; CPU iPhone OS 12_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/12.0 Mobile/15E148 Safari/604.1',
    'Mozilla/5.0 (iPhone; CPU iPhone OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Instagram 300.0.0.29.110 (iPhone14,5; iOS 16_6; en_US; en; scale=3.00; 1170x2532; 515843398)',
  ],
  'mobile tablet ios': [
    'Mozilla/5.0 (iPad; CPU OS 12_5_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/12.1.2 Mobile/15E148 Safari/604.1',
    'Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/126.0.6478.35 Mobile/15E148 Safari/604.1',
  ],
  'mobile android': [
    `Mozilla/5.0 (Linux; Android 10; K) ${WEBKIT} ${CHROME} Mobile Safari/537.36`,
    `Mozilla/5.0 (Linux; Android 14; Pixel 8 Pro) ${WEBKIT} ${CHROME} Mobile Safari/537.36`,
    `Mozilla/5.0 (Linux; Android 13; SM-S918B) ${WEBKIT} SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36`,
    'Mozilla/5.0 (Android 14; Mobile; rv:127.0) Gecko/127.0 Firefox/127.0',
    `Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) ${WEBKIT} ${CHROME} Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)`,
    'Opera/9.80 (Android; Opera Mini/36.2.2254/119.132; U; id) Presto/2.12.423 Version/12.16 Mobile',
    'Mozilla/5.0 (Linux; U; Android 4.0.3; de-de; Galaxy S II Build/GRJ22) AppleWebKit/534.30 (KHTML, like Gecko) Version/4.0 Mobile Safari/534.30',
  ],
  'mobile tablet android': [
    `Mozilla/5.0 (Linux; Android 13; SM-X906C) ${WEBKIT} ${CHROME} Safari/537.36`,
    `Mozilla/5.0 (Linux; Android 12; SM-T870) ${WEBKIT} ${CHROME} Safari/537.36`,
    `Mozilla/5.0 (Linux; Android 6.0.1; Nexus 7 Build/MOB30X) ${WEBKIT} Chrome/88.0.4324.93 Safari/537.36`,
    'Mozilla/5.0 (Android 13; Tablet; rv:127.0) Gecko/127.0 Firefox/127.0',
    `Mozilla/5.0 (Linux; Android 9; KFMAWI) ${WEBKIT} Silk/108.9.5 like Chrome/108.0.5359.220 Safari/537.36`,
  ],
  'mobile tablet': [
    'Mozilla/5.0 (PlayBook; U; RIM Tablet OS 2.1.0; en-US) AppleWebKit/536.2+ (KHTML, like Gecko) Version/7.2.1.0 Safari/536.2+',
    'Mozilla/5.0 (hp-tablet; Linux; hpwOS/3.0.5; U; en-US) AppleWebKit/534.6 (KHTML, like Gecko) wOSBrowser/234.83 Safari/534.6 TouchPad/1.0',
    'Mozilla/5.0 (Linux; U; en-US) AppleWebKit/528.5+ (KHTML, like Gecko, Safari/528.5+) Version/4.0 Kindle/3.0 (screen 600x800; rotate)',
  ],
  mobile: [
    'Mozilla/5.0 (Windows Phone 10.0; Android 6.0.1; Microsoft; Lumia 950) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/52.0.2743.116 Mobile Safari/537.36 Edge/15.15063',
    'Mozilla/5.0 (Mobile; Windows Phone 8.1; Android 4.0; ARM; Trident/7.0; Touch; rv:11.0; IEMobile/11.0; NOKIA; Lumia 520) like iPhone OS 7_0_3 Mac OS X AppleWebKit/537 (KHTML, like Gecko) Mobile Safari/537',
    'Mozilla/5.0 (BB10; Touch) AppleWebKit/537.10+ (KHTML, like Gecko) Version/10.0.9.2372 Mobile Safari/537.10+',
    'Mozilla/5.0 (Mobile; Nokia_8110_4G; rv:48.0) Gecko/48.0 Firefox/48.0 KAIOS/2.5',
    'Nokia6100/1.0 (04.01) Profile/MIDP-1.0 Configuration/CLDC-1.0',
    'Opera/9.80 (J2ME/MIDP; Opera Mini/7.1.32052/29.3709; U; en) Presto/2.8.119 Version/11.10',
  ],
  smartTv: [
    'Mozilla/5.0 (SMART-TV; LINUX; Tizen 6.0) AppleWebKit/537.36 (KHTML, like Gecko) 76.0.3809.146/6.0 TV Safari/537.36',
    `Mozilla/5.0 (Web0S; Linux/SmartTV) ${WEBKIT} Chrome/87.0.4280.88 Safari/537.36 WebAppManager`,
    'AppleTV11,1/11.1',
    'Mozilla/5.0 (Linux; NetCast; U) AppleWebKit/537.31 (KHTML, like Gecko) Chrome/38.0.2125.122 Safari/537.31 SmartTV/7.0',
    'HbbTV/1.5.1 (+DRM; Samsung; SmartTV2020; T-NKM2; ; ) Tizen/5.5',
    'Roku/DVP-12.5 (12.5.0.4178-88)',
    `Mozilla/5.0 (X11; Linux armv7l) ${WEBKIT} Chrome/90.0.4430.225 Safari/537.36 CrKey/1.56.500000`,
  ],
  'smartTv android': [
    `Mozilla/5.0 (Linux; Android 9; AFTWMST22 Build/PS7233; wv) ${WEBKIT} Version/4.0 Chrome/88.0.4324.152 Mobile Safari/537.36`,
    `Mozilla/5.0 (Linux; Android 10; BRAVIA 4K VH2) ${WEBKIT} ${CHROME} Safari/537.36`,
    `Mozilla/5.0 (Linux; Android 11; SHIELD Android TV) ${WEBKIT} ${CHROME} Safari/537.36`,
    `Mozilla/5.0 (Linux; Android 12; Chromecast) ${WEBKIT} Chrome/120.0.0.0 Safari/537.36 CrKey/1.56.500000 DeviceType/AndroidTV`,
  ],
  desktop: [
    `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${WEBKIT} ${CHROME} Safari/537.36`,
    `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${WEBKIT} ${CHROME} Safari/537.36 Edg/126.0.0.0`,
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15',
    'Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0',
    `Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) ${WEBKIT} ${CHROME} Safari/537.36`,
    'Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0; Tablet PC 2.0; .NET4.0C)',
    'Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; Touch; rv:11.0) like Gecko',
    'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
    'Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)',
    'facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)',
    'curl/8.5.0',
    'Wget/1.21.4',
    'python-requests/2.32.3',
    'Go-http-client/2.0',
    'Amazon CloudFront',
    'Custom User Agent String',
    'Windows',
    'Mozilla/5.0 (Linux; aft is a word) x',
    'AutomobileBot/1.0 (look here; after 5 pm)',
    '',
  ],
}

const WORDS = ['mobile', 'tablet', 'desktop', 'smartTv', 'ios', 'android'] as const

function words(device: Device): string {
  return WORDS.filter((word) => device[word]).join(' ')
}

test('devices are known by what they write about themselves', () => {
  for (const [expected, userAgents] of Object.entries(cases)) {
    const inOrder = WORDS.filter((word) => expected.split(' ').includes(word)).join(' ')
    for (const userAgent of userAgents) assert.equal(words(classifyDevice(userAgent)), inOrder, userAgent)
  }
})

test('a viewer without User-Agent is a desktop viewer', () => {
  assert.equal(words(classifyDevice(undefined)), 'desktop')
})

test('a classifier gives what classifying gives, also the second time', () => {
  const classify = createDeviceClassifier()
  const all = [undefined, ...Object.values(cases).flat(), `${'x'.repeat(600)} Android`]
  for (const userAgent of [...all, ...all]) assert.deepEqual(classify(userAgent), classifyDevice(userAgent))
  const known = classify('curl/8.5.0')
  assert.equal(classify('curl/8.5.0'), known)
})

test('every device is of exactly one of three kinds, and a tablet is mobile', () => {
  const word = fc.constantFrom(
    'Android',
    'iPad',
    'iPhone',
    'Mobile',
    'Tablet',
    'TV',
    'SmartTV',
    'Windows Phone',
    'AFTB',
    'Silk/',
    'KFTT',
  )
  fc.assert(
    fc.property(fc.array(fc.oneof(word, fc.string())), (parts) => {
      const device = classifyDevice(parts.join(' '))
      assert.equal([device.mobile, device.desktop, device.smartTv].filter(Boolean).length, 1)
      assert.ok(!device.tablet || device.mobile)
      assert.ok(!(device.ios && device.android) || parts.length > 1)
    }),
    { numRuns: 1000 },
  )
})

test('a very long User-Agent is over at once', () => {
  const start = performance.now()
  for (const part of ['windows', 'aft', 'kf', 'series ', 'a']) classifyDevice(part.repeat(100_000))
  assert.ok(performance.now() - start < 500)
})
