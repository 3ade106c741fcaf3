/** Categories of AWSManagedRulesBotControlRuleSet, by the rule that is named after each. */
export const BOT_CATEGORIES = {
  CategoryAdvertising: 'advertising',
  CategoryArchiver: 'archiver',
  CategoryContentFetcher: 'content_fetcher',
  CategoryEmailClient: 'email_client',
  CategoryHttpLibrary: 'http_library',
  CategoryLinkChecker: 'link_checker',
  CategoryMiscellaneous: 'miscellaneous',
  CategoryMonitoring: 'monitoring',
  CategoryPagePreview: 'page_preview',
  CategoryScrapingFramework: 'scraping_framework',
  CategorySearchEngine: 'search_engine',
  CategorySecurity: 'security',
  CategorySeo: 'seo',
  CategorySocialMedia: 'social_media',
  CategoryWebhooks: 'webhooks',
  CategoryAI: 'ai',
} as const

export type BotCategory = keyof typeof BOT_CATEGORIES

/**
 * Crawlers by what stands in their User-Agent: `text`, or `text=name` where the name in labels differs, and `@` who
 * runs it. Earlier entries win, so the longer text stands first.
 */
const LISTS: Readonly<Record<BotCategory, string>> = {
  CategoryAI: `gptbot@openai chatgpt-user@openai oai-searchbot@openai claudebot@anthropic claude-web@anthropic
    claude-user@anthropic claude-searchbot@anthropic anthropic-ai@anthropic google-extended@google googleother@google
    ccbot@common_crawl bytespider@bytedance tiktokspider@bytedance perplexitybot@perplexity perplexity-user@perplexity
    cohere-ai@cohere meta-externalagent@meta meta-externalfetcher@meta facebookbot@meta diffbot@diffbot
    omgilibot@webz timpibot@timpi imagesiftbot@imagesift applebot-extended@apple amazonbot@amazon youbot@you
    ai2bot@allen_institute mistralai-user@mistral duckassistbot@duckduckgo pangubot@huawei`,
  CategorySearchEngine: `adidxbot=bing_ads@microsoft googlebot@google storebot-google@google bingbot@microsoft
    msnbot@microsoft slurp@yahoo duckduckbot@duckduckgo baiduspider@baidu yandexbot@yandex yandeximages@yandex
    applebot@apple sogou=sogou_spider@sogou exabot@exalead qwantbot@qwant qwantify@qwant petalbot@huawei seznambot@seznam
    naver.me/bot=yeti@naver yeti/=yeti@naver coccocbot@coc_coc mojeekbot@mojeek ecosia.org=ecosia@ecosia 360spider@qihoo yisouspider@yisou
    daum/=daum@daum swisscows@swisscows bravebot@brave startpagebot@startpage`,
  CategoryAdvertising: `mediapartners-google@google adsbot-google@google apis-google@google google-adwords@google
    criteobot@criteo grapeshot@oracle proximic@comscore ias_crawler@ias ias-va@ias doubleverify@doubleverify
    admantx@admantx adbeat_bot@adbeat peer39_crawler@peer39 amazonadbot@amazon`,
  CategoryArchiver: `archive.org_bot@internet_archive ia_archiver@internet_archive wayback@internet_archive heritrix@internet_archive
    arquivo-web-crawler@arquivo nicecrawler@nicecrawler httrack@httrack`,
  CategoryContentFetcher: `feedfetcher-google@google feedly@feedly feedbin@feedbin newsblur@newsblur inoreader@inoreader
    netnewswire@netnewswire tiny-tiny-rss=tiny_tiny_rss miniflux@miniflux flipboardproxy@flipboard google-read-aloud@google
    apple-podcast@apple itms@apple overcast/=overcast@overcast podcastaddict@podcast_addict rssowl@rssowl bloglovin@bloglovin`,
  CategoryEmailClient: `googleimageproxy@google yahoomailproxy@yahoo thunderbird@mozilla outlook-ios@microsoft
    microsoft office outlook=outlook@microsoft`,
  CategorySocialMedia: `facebookexternalhit@meta facebookcatalog@meta twitterbot@x linkedinbot@linkedin pinterestbot@pinterest
    pinterest/=pinterest@pinterest redditbot@reddit tumblr/=tumblr@tumblr vkshare@vk instagram=instagram@meta mastodon/=mastodon@mastodon
    pleroma@pleroma bluesky@bluesky`,
  CategoryPagePreview: `slackbot-linkexpanding@slack slackbot@slack slack-imgproxy@slack telegrambot@telegram discordbot@discord
    whatsapp@meta skypeuripreview@microsoft viber@viber embedly@embedly iframely@iframely bitlybot@bitly line-poker@line
    google-pagerenderer@google microsoftpreview@microsoft`,
  CategorySeo: `ahrefsbot@ahrefs ahrefssiteaudit@ahrefs semrushbot@semrush siteauditbot@semrush mj12bot@majestic dotbot@moz rogerbot@moz
    blexbot@webmeup serpstatbot@serpstat dataforseobot@dataforseo screaming frog seo=screaming_frog@screaming_frog sistrix@sistrix
    seokicks@seokicks linkdexbot@linkdex megaindex@megaindex barkrowler@babbar botify@botify oncrawl@oncrawl seobilitybot@seobility
    deepcrawl@lumar domainstatsbot@domainstats awariobot@awario`,
  CategoryMonitoring: `uptimerobot@uptimerobot pingdom@solarwinds statuscake@statuscake site24x7@zoho newrelicpinger@newrelic datadogsynthetics@datadog
    datadog/synthetics=datadog@datadog better uptime bot=better_uptime@better_stack betteruptime@better_stack freshping@freshworks
    checkly@checkly catchpoint@catchpoint gtmetrix@gtmetrix chrome-lighthouse=lighthouse@google amazon-route53-health-check@amazon
    googlestackdrivermonitoring@google elb-healthchecker@amazon nagios@nagios zabbix@zabbix`,
  CategoryLinkChecker: `w3c_validator@w3c w3c-checklink@w3c linkchecker@linkchecker validator.nu@validator_nu siteimprove@siteimprove xenu link sleuth=xenu@xenu
    dead link checker=dead_link_checker brokenlinkcheck@brokenlinkcheck`,
  CategorySecurity: `censysinspect@censys shodan@shodan internet-measurement@driftnet expanse@palo_alto paloaltonetworks@palo_alto
    netcraftsurveyagent@netcraft sucuri@sucuri detectify@detectify qualys@qualys nessus@tenable rapid7@rapid7 securityheaders@security_headers
    ssllabs@qualys leakix@leakix intruder.io=intruder@intruder zgrab@zmap nmap scripting engine=nmap@nmap`,
  CategoryWebhooks: `stripe/=stripe@stripe github-hookshot@github gitlab/=gitlab@gitlab paypal ipn=paypal@paypal shopify-captain-hook@shopify
    twilioproxy@twilio sendgrid event api=sendgrid@sendgrid svix-webhooks@svix zapier@zapier hubspot webhooks=hubspot@hubspot amazon simple notification service agent=amazon_sns@amazon`,
  CategoryScrapingFramework: `scrapy@scrapy headlesschrome=headless_chrome phantomjs puppeteer playwright selenium webdriver=webdriver colly@colly
    nutch@apache crawl4ai@crawl4ai firecrawl@firecrawl crawlee@apify apify@apify splash@scrapy slimerjs htmlunit mechanize nokogiri
    cheerio webcopier teleport pro=teleport_pro sitesucker offline explorer=offline_explorer webzip`,
  CategoryHttpLibrary: `python-requests python-urllib python-httpx httpx/=httpx aiohttp urllib3 curl/=curl wget/=wget go-http-client java/=java okhttp
    apache-httpclient jakarta commons-httpclient=jakarta axios/=axios node-fetch undici got (=got got/=got superagent request/=request guzzlehttp libwww-perl lwp::simple=lwp ruby faraday
    httparty typhoeus php/=php restsharp reqwest hyper/=hyper dart/=dart winhttp postmanruntime insomnia httpie dalvik/=dalvik powershell unirest
    rest-client perl/=perl libcurl pycurl grpc- cfnetwork/=cfnetwork`,
  CategoryMiscellaneous: `bot/=bot bot;=bot bot)=bot crawler spider+=spider spider/=spider spider)=spider scraper fetcher`,
}

/** First words of texts that hold spaces. */
const OPEN_WORDS = new Set([
  'microsoft',
  'screaming',
  'better',
  'xenu',
  'dead',
  'nmap',
  'paypal',
  'sendgrid',
  'hubspot',
  'amazon',
  'teleport',
  'offline',
  'jakarta',
  'got',
])

export interface Crawler {
  /** Lower case, as it stands in the User-Agent. */
  readonly text: string
  readonly name: string
  readonly organization: string | undefined
  readonly category: BotCategory
}

/** Every crawler, in the order in which they are looked for. */
export const crawlers: readonly Crawler[] = Object.entries(LISTS).flatMap(([category, list]) =>
  entriesOf(list).map((entry): Crawler => {
    const [rest = '', organization] = entry.split('@')
    const [text = '', name = text] = rest.split('=')
    // Keys of the table above.
    return { text, name: labelOf(name), organization, category: category as BotCategory }
  }),
)

/** Entries stand apart by white space; a few texts hold spaces and are known by their `=`. */
function entriesOf(list: string): string[] {
  const entries: string[] = []
  let pending = ''
  for (const word of list.trim().split(/\s+/)) {
    if (pending !== '') {
      pending += ` ${word}`
      if (word.includes('=')) {
        entries.push(pending)
        pending = ''
      }
    } else if (OPEN_WORDS.has(word)) pending = word
    else entries.push(word)
  }
  return entries
}

function labelOf(name: string): string {
  return name.replaceAll(/[^a-z0-9]+/g, '_').replaceAll(/^_|_$/g, '')
}
