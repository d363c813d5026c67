/** What a small shop's visitors ask for. Nothing in it is anyone's: names and addresses are those kept for examples. */

export interface Page {
  /** Relative frequency. */
  weight: number;
  method?: string;
  /** `{n}` is a number, `{w}` a word, each picked Zipf-like of `kinds`. */
  target: string;
  kinds?: number;
  /** Usual bytes of a good answer. */
  bytes: number;
  /** Share that answers 404, where it differs from the usual. */
  missing?: number;
  /** Only people who are signed in come here. */
  signedIn?: boolean;
  /** Status of a good answer. */
  status?: number;
}

export const PAGES: readonly Page[] = [
  { weight: 14, target: '/', bytes: 8_300 },
  { weight: 12, target: '/products/{n}', kinds: 400, bytes: 12_500, missing: 0.02 },
  { weight: 6, target: '/products', bytes: 18_200 },
  { weight: 6, target: '/products?page={n}', kinds: 20, bytes: 18_000 },
  { weight: 9, target: '/search?q={w}', kinds: 60, bytes: 9_700 },
  { weight: 10, target: '/api/products/{n}', kinds: 400, bytes: 1_450, missing: 0.03 },
  { weight: 8, target: '/api/user', bytes: 620, signedIn: true },
  { weight: 7, target: '/api/cart', bytes: 840, signedIn: true },
  { weight: 4, method: 'POST', target: '/api/cart', bytes: 310, signedIn: true, status: 201 },
  { weight: 2, method: 'DELETE', target: '/api/cart/{n}', kinds: 400, bytes: 0, signedIn: true, status: 204 },
  { weight: 2, method: 'POST', target: '/api/orders', bytes: 520, signedIn: true, status: 201 },
  { weight: 3, target: '/api/orders/{n}', kinds: 900, bytes: 1_900, signedIn: true },
  { weight: 3, target: '/login', bytes: 4_100 },
  { weight: 2, method: 'POST', target: '/login', bytes: 0, status: 302 },
  { weight: 2, target: '/account', bytes: 6_600, signedIn: true },
  { weight: 12, target: '/static/app.js', bytes: 148_000 },
  { weight: 10, target: '/static/app.css', bytes: 31_000 },
  { weight: 14, target: '/static/img/{n}.webp', kinds: 400, bytes: 42_000, missing: 0.005 },
  { weight: 5, target: '/blog/{w}', kinds: 40, bytes: 15_300 },
  { weight: 1, target: '/help/{w}', kinds: 12, bytes: 7_200 },
  { weight: 2, method: 'HEAD', target: '/health', bytes: 0 },
  { weight: 1.5, target: '/favicon.ico', bytes: 1_150 },
  { weight: 0.4, target: '/robots.txt', bytes: 180 },
];

/** What scanners try everywhere, and do not find. */
export const PROBES: readonly string[] = [
  '/wp-login.php',
  '/.env',
  '/.git/config',
  '/phpmyadmin/index.php',
  '/xmlrpc.php',
  '/admin/config.php?display=1',
  '/cgi-bin/luci',
];

/** Request lines that are none, as servers log them: TLS on the plain port, and a closed connection. */
export const BROKEN_REQUESTS: readonly string[] = ['\\x16\\x03\\x01\\x02\\x00\\x01\\x00\\x01\\xFC', '-'];

export const WORDS: readonly string[] = [
  ...['lamp', 'chair', 'desk', 'shelf', 'mug', 'kettle', 'notebook', 'pen', 'bag', 'clock', 'mirror', 'rug'],
  ...['plant', 'vase', 'candle', 'blanket', 'pillow', 'poster', 'frame', 'bowl', 'plate', 'glass', 'knife', 'board'],
  ...['oak', 'linen', 'wool', 'steel', 'copper', 'blue', 'green', 'white', 'small', 'large', 'sale', 'new', 'gift'],
  ...['returns', 'shipping', 'care', 'repair', 'sizes', 'summer', 'winter', 'kitchen', 'garden', 'office', 'bath'],
  ...['red+chair', 'standing+desk', 'wall+clock', 'tea+kettle', 'caf%C3%A9', 'book+shelf', 'desk+lamp', 'floor+lamp'],
  ...['oak+table', 'wool+rug', 'cork+board', 'glass+vase', 'hook', 'basket'],
];

export const USERS: readonly string[] = [
  ...['alice', 'bob', 'carol', 'dave', 'erin', 'frank', 'grace', 'heidi', 'ivan', 'judy', 'mallory', 'niaj'],
  ...['olivia', 'peggy', 'rupert', 'sybil', 'trent', 'victor', 'walter', 'wendy'],
];

/** Most come from a page of the shop itself, as in every log; `null` is none. */
export const REFERRERS: readonly (readonly [weight: number, referrer: string | null])[] = [
  [40, null],
  [22, 'https://shop.example/'],
  [14, 'https://shop.example/products'],
  [8, 'https://shop.example/search?q=lamp'],
  [9, 'https://www.search.example/'],
  [3, 'https://news.example/best-lamps'],
  [2, 'https://social.example/p/81723'],
  [2, 'https://shop.example/account'],
];

export const USER_AGENTS: readonly (readonly [weight: number, userAgent: string])[] = [
  [
    30,
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36',
  ],
  [
    22,
    'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36',
  ],
  [
    20,
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1',
  ],
  [
    10,
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15',
  ],
  [8, 'Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0'],
  [5, 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0'],
  [3, 'Mozilla/5.0 (compatible; ExampleBot/2.1; +https://bot.example/)'],
  [1, 'curl/8.11.0'],
  [1, 'ShopApp/4.2.0 (Android 14)'],
];

export const PROBE_AGENTS: readonly string[] = [
  'python-requests/2.32.3',
  'Go-http-client/1.1',
  'Mozilla/5.0 zgrab/0.x',
];
