import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../simulator/random.js';
import {
  type HttpReceiver,
  type Mail,
  type MailServer,
  type Received,
  startHttpReceiver,
  startMailServer,
} from '../support/receivers.js';

/** How receivers do with what comes: they take it, refuse it, or take it and break off before they say so. */
export type Mood = 'take' | 'refuse' | 'break off';

/** Of a webhook's body, what is the same whenever it comes. */
export interface Told {
  kind: string;
  events: { id: string }[];
}

/** A message as it came to a channel. */
export interface Receipt {
  /** Name of the channel. */
  channel: string;
  /** Its idempotency key; of a mail, within its Message-ID. */
  key: string;
  /** What a webhook tells; null: a mail. */
  told: Told | null;
  /** Milliseconds of the monotonic clock. */
  atMs: number;
  /** It was refused, and is to come again. */
  refused: boolean;
  /** What it was told: that it was taken. False: it may well come again. */
  taken: boolean;
}

/** A receiver thinks for so long before it answers, so that a kill often comes in between. Milliseconds, at most. */
const THINKS_MS = 1_500;
export const MAILBOX = 'ops@example.com';

/** Those who are told of alerts: two webhooks and a mailbox, which note all that comes. */
export class Receivers {
  mood: Mood = 'take';
  readonly receipts: Receipt[] = [];

  private constructor(
    private readonly http: HttpReceiver,
    readonly mail: MailServer,
    private readonly random: Random,
  ) {
    http.answer = (response, got) => void this.answer(response, got);
    mail.took = (got) => this.note({ ...mailOf(got), refused: false, taken: true });
  }

  static async start(random: Random): Promise<Receivers> {
    return new Receivers(await startHttpReceiver(), await startMailServer(), random);
  }

  /** Where a webhook's channel sends to. */
  hook(channel: string): string {
    return `${this.http.url}/${channel}`;
  }

  async close(): Promise<void> {
    await this.http.close();
    await this.mail.close();
  }

  private async answer(response: ServerResponse, { path, headers, body }: Received): Promise<void> {
    const { mood } = this;
    const refused = mood === 'refuse';
    const { kind, events } = JSON.parse(body) as Told;
    const about = { channel: path.split('/').at(-1)!, key: headers['idempotency-key'] as string };
    const noted = this.note({ ...about, told: { kind, events }, refused, taken: false });
    await sleep(this.random.below(THINKS_MS));
    if (mood === 'break off') response.destroy();
    else {
      response.statusCode = refused ? 503 : 200;
      response.end(() => {
        noted.taken = !refused;
      });
    }
  }

  private note(receipt: Omit<Receipt, 'atMs'>): Receipt {
    const noted = { ...receipt, atMs: performance.now() };
    this.receipts.push(noted);
    return noted;
  }
}

function mailOf({ to, text }: Mail): Pick<Receipt, 'channel' | 'key' | 'told'> {
  const key = /^Message-ID: <([0-9a-f-]+)@hlm>\r$/im.exec(text)?.[1] ?? '';
  return { channel: to[0].split('@')[0], key, told: null };
}
