/** Elements that run script, load other documents, or change how the rest is read. */
export const DANGEROUS_ELEMENTS: ReadonlySet<string> = new Set(
  `animate animatemotion animatetransform applet base bgsound comment embed event-source foreignobject frame frameset
   handler iframe ilayer import isindex layer link listener math meta noembed object plaintext portal script set style
   svg template vmlframe xml xmp xss`.split(/\s+/),
)

/** Attributes that are dangerous whatever they hold. */
export const DANGEROUS_ATTRIBUTES: ReadonlySet<string> = new Set(
  `allowscriptaccess attributename classid code codebase datafld dataformatas datasrc dynsrc ev:event fscommand formaction
   http-equiv lowsrc seeksegmenttime srcdoc xlink:href xmlns xml:base folder`.split(/\s+/),
)

/** Event handlers of HTML, SVG and older browsers, without `on`. */
const EVENTS = `abort activate afterprint afterscriptexecute afterupdate animationcancel animationend animationiteration
  animationstart auxclick beforeactivate beforecopy beforecut beforedeactivate beforeeditfocus beforeinput beforematch
  beforepaste beforeprint beforescriptexecute beforetoggle beforeunload begin blur bounce cancel canplay canplaythrough
  cellchange change click close contextmenu controlselect copy cuechange cut dataavailable datasetchanged
  datasetcomplete dblclick deactivate drag dragdrop dragend dragenter dragexit dragleave dragover dragstart drop
  durationchange emptied end ended error errorupdate filterchange finish focus focusin focusout formchange formdata
  forminput fullscreenchange fullscreenerror gotpointercapture hashchange help input invalid keydown keypress keyup
  languagechange layoutcomplete load loadeddata loadedmetadata loadend loadstart losecapture lostpointercapture
  mediacomplete mediaerror message messageerror mousedown mouseenter mouseleave mousemove mouseout mouseover mouseup
  mousewheel move moveend movestart offline online outofsync page pagehide pageshow paste pause play playing
  pointercancel pointerdown pointerenter pointerleave pointermove pointerout pointerover pointerrawupdate pointerup
  popstate progress propertychange ratechange readystatechange rejectionhandled repeat reset resize resizeend
  resizestart resume reverse rowdelete rowenter rowexit rowinserted rowsenter scroll scrollend
  securitypolicyviolation search seek seeked seeking select selectionchange selectstart show slotchange stalled start
  stop storage submit suspend syncrestored timeerror timeupdate toggle touchcancel touchend touchmove touchstart
  trackchange transitioncancel transitionend transitionrun transitionstart unhandledrejection unload urlflip
  volumechange waiting webkitanimationend webkitanimationiteration webkitanimationstart webkittransitionend wheel zoom`

/** The handlers by their attribute names. */
export const EVENT_HANDLERS: ReadonlySet<string> = new Set(EVENTS.split(/\s+/).map((event) => `on${event}`))

/** Schemes that run what follows them. */
export const DANGEROUS_SCHEMES = [
  'javascript:',
  'vbscript:',
  'view-source:',
  'livescript:',
  'jar:http',
  'feed:javascript:',
] as const

/** Kinds of data: URLs that are only pictures. */
export const HARMLESS_DATA = /^data:image\/(?:png|gif|jpe?g|webp|avif|bmp)[;,]/

/** What a style must not hold: old browsers ran these. */
export const DANGEROUS_STYLES = [
  'expression',
  'javascript:',
  'vbscript:',
  'behavior',
  'binding',
  '@import',
  'url(',
] as const
