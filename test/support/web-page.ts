import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { until } from './server.js';

/** A notification that the page had the desktop show. */
export interface SeenNote {
  title: string;
  body: string;
  tag: string;
}

/** Notes what is shown, and lets the real class show it. */
const WATCH_NOTIFICATIONS = `
  window.seenNotes = [];
  window.Notification = class extends window.Notification {
    constructor(title, options) {
      super(title, options);
      window.seenNotes.push({ note: this, seen: { title, body: options.body, tag: options.tag } });
    }
  };`;

/** The web page in a browser of its own, as its user handles it. */
export class WebPage {
  /** What the page said on the console, or asked of others than its server. */
  readonly complaints: string[] = [];

  private constructor(
    readonly context: BrowserContext,
    readonly page: Page,
  ) {
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) this.complaints.push(message.text());
    });
    page.on('pageerror', (error) => this.complaints.push(error.message));
    page.on('request', (request) => {
      if (/^(data|blob):/.test(request.url()) || page.url() === 'about:blank') return;
      const { origin } = new URL(page.url());
      if (new URL(request.url()).origin !== origin) this.complaints.push(`asked ${request.url()}`);
    });
  }

  /** @param granted whether its user lets it show notifications */
  static async open(browser: Browser, address: string, { granted = false } = {}): Promise<WebPage> {
    const context = await browser.newContext();
    await context.addInitScript(WATCH_NOTIFICATIONS);
    if (granted) await context.grantPermissions(['notifications'], { origin: new URL(address).origin });
    return WebPage.within(context, address);
  }

  /** Another tab of the same browser. */
  static async within(context: BrowserContext, address: string): Promise<WebPage> {
    const opened = new WebPage(context, await context.newPage());
    await opened.page.goto(address);
    return opened;
  }

  section(name: 'Firing now' | 'Events' | 'Servers' | 'Notifications'): Locator {
    return this.page.getByRole('region', { name, exact: true }).first();
  }

  get dialog(): Locator {
    return this.page.getByRole('dialog', { name: 'Alert event' });
  }

  button(name: string): Locator {
    return this.page.getByRole('button', { name, exact: true });
  }

  async sees(where: Locator, text: string | RegExp): Promise<void> {
    await where.filter({ hasText: text }).first().waitFor({ timeout: 20_000 });
  }

  live(): Promise<void> {
    return this.sees(this.page.locator('.connection'), /^live$/);
  }

  async signIn(token: string): Promise<void> {
    await this.page.getByLabel('Token').fill(token);
    await this.button('Sign in').click();
  }

  /** What the rows of events say, the newest first. */
  events(): Promise<string[]> {
    return this.section('Events').locator('.row .message').allTextContents();
  }

  async notes(): Promise<SeenNote[]> {
    return this.page.evaluate('window.seenNotes.map(({ seen }) => seen)');
  }

  async untilNotes(count: number): Promise<SeenNote[]> {
    await until(async () => (await this.notes()).length >= count, 20_000, `${count} notifications`);
    return this.notes();
  }

  /** As the desktop does when its user clicks one. */
  async clickNote(index: number): Promise<void> {
    await this.page.evaluate(`window.seenNotes[${index}].note.onclick()`);
  }

  close(): Promise<void> {
    return this.context.close();
  }
}
