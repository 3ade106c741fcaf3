import { RecentAnswers } from './recent-answers.ts'

/** What kind of device a User-Agent speaks of; several may be true. */
export interface Device {
  /** Phones, and tablets too. */
  readonly mobile: boolean
  readonly tablet: boolean
  /** Whatever is neither mobile nor a television: computers, programs, and viewers that do not say what they are. */
  readonly desktop: boolean
  readonly smartTv: boolean
  readonly ios: boolean
  readonly android: boolean
}

/** Gives the device of a User-Agent, or of none. */
export type DeviceClassifier = (userAgent: string | undefined) => Device

/** Longer than browsers and the apps around them write; only this much is read. */
const MAX_READ = 1024
/** A longer text is classified anew each time, so that the memory for recent answers stays small. */
const MAX_REMEMBERED = 512
const MAX_RECENT = 4096

const DESKTOP: Device = Object.freeze({
  mobile: false,
  tablet: false,
  desktop: true,
  smartTv: false,
  ios: false,
  android: false,
})

/*
 * The words by which devices make themselves known. All lower case, and all without repeated groups: a User-Agent is
 * written by strangers, and each of these reads it once.
 */

/** Televisions, set-top boxes and sticks. */
const TELEVISION =
  /smart-?_?tv|smart tv|hbbtv|appletv|apple tv|tvos|google ?tv|android tv|androidtv|netcast|web0s|webos\.tv|bravia|viera|aquosbrowser|aquostv|roku\/|rokuos|crkey|nettv|philipstv|opera tv|inettvbrowser|dtv|pov_tv|sonycebrowser|android[^)]{0,20}; aft[a-z0-9]{1,9}[ )/;]|\bmibox|mitv|shield android/
/** Windows Phone calls itself Android and iPhone as well, for the sake of old pages. */
const WINDOWS_PHONE = /windows phone|iemobile|windows ce/
const APPLE_HANDHELD = /iphone|ipad|ipod/
/** Tablets that say so by name; Android without `mobile` is one too. */
const TABLET =
  /ipad|tablet(?! pc)|playbook|kindle|\bsilk\/|touchpad|\bkf[a-z]{2,5}[ )/;]|\bsm-t\d|\bsm-x\d|nexus (?:7|9|10)\b|xoom/
const PHONE =
  /iphone|ipod|\bmobile|blackberry|bb10|opera mini|opera mobi|symbian|symbos|series ?[46]0|nokia|j2me|midp|ucweb|webos\/|palmos|palmsource|kaios|netfront|docomo|fennec/

/**
 * Classifies a User-Agent by what devices write about themselves (DG:adding-cloudfront-headers). Without a User-Agent,
 * or with one that says nothing, the device is a desktop one, as it is for CloudFront.
 */
export function classifyDevice(userAgent: string | undefined): Device {
  if (userAgent === undefined || userAgent === '') return DESKTOP
  const text = userAgent.slice(0, MAX_READ).toLowerCase()
  const isWindowsPhone = WINDOWS_PHONE.test(text)
  const android = !isWindowsPhone && text.includes('android')
  const ios = !isWindowsPhone && APPLE_HANDHELD.test(text)
  if (TELEVISION.test(text) && !ios) return { ...DESKTOP, desktop: false, smartTv: true, android }
  const tablet = !isWindowsPhone && (TABLET.test(text) || (android && !text.includes('mobile')))
  const mobile = tablet || isWindowsPhone || PHONE.test(text)
  return { mobile, tablet, desktop: !mobile, smartTv: false, ios, android }
}

/** A classifier that remembers its recent answers, a bounded number of them: viewers come back with the same text. */
export function createDeviceClassifier(): DeviceClassifier {
  const recent = new RecentAnswers<Device>(MAX_RECENT)
  return (userAgent) => {
    if (userAgent === undefined || userAgent.length > MAX_REMEMBERED) return classifyDevice(userAgent)
    const known = recent.get(userAgent)
    if (known !== undefined) return known
    const device = classifyDevice(userAgent)
    recent.set(userAgent, device)
    return device
  }
}
