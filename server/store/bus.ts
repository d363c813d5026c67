import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Logger } from 'pino';

const CHANNEL = 'hlm_live';
/** What there is to say is said together, at most so often. */
const SAY_EVERY_MS = 100;
/** Below PostgreSQL's 8,000 bytes of one notification; more goes as several. */
const PIECE_LENGTH_MAX = 7_000;
/** A connection that has gone without a word is noticed so soon. */
const CHECK_EVERY_MS = 5_000;
const ANSWER_WITHIN_MS = 5_000;
const RECONNECT_AFTER_MS = 1_000;

/** Who has something to say to the other servers, and listens to theirs. */
export interface BusMember {
  /** What there is to say now, as JSON; it is forgotten by this. Asked for soon after `wake`. */
  collect: () => unknown[];
  /** What another server's member of the same name said. */
  take: (message: unknown) => void;
  /** There is a connection, the first or another: what others said before was not heard. */
  connected?: () => void;
}

/**
 * What servers on one database tell each other, by PostgreSQL's NOTIFY. A hint, never the truth: what is said while the
 * connection is lost is not heard. What waits to be said waits with the members, who bound it. On a connection of its own,
 * and in no transaction that does anything else: committing a NOTIFY takes a lock that all who notify share.
 */
export class Bus {
  private readonly members = new Map<string, BusMember>();
  private readonly stopping = new AbortController();
  private running: Promise<void> = Promise.resolve();
  private client: pg.Client | null = null;
  private timer: NodeJS.Timeout | undefined;
  private isSaying = false;
  private isMore = false;

  constructor(
    private readonly url: string,
    private readonly log: Logger,
  ) {}

  /** Names are the same on all servers. */
  join(name: string, member: BusMember): void {
    this.members.set(name, member);
  }

  start(): void {
    this.running = this.run();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    clearTimeout(this.timer);
    await this.running;
  }

  /** A member has something to say. */
  wake(): void {
    if (this.isSaying) this.isMore = true;
    else if (!this.stopping.signal.aborted) this.timer ??= setTimeout(() => void this.say(), SAY_EVERY_MS);
  }

  private async say(): Promise<void> {
    this.timer = undefined;
    this.isSaying = true;
    this.isMore = false;
    // Without a connection it waits with the members.
    if (this.client !== null) {
      const said = [...this.members].flatMap(([name, { collect }]) => collect().map((message) => [name, message]));
      if (said.length > 0) await this.notify(this.client, piecesOf(said));
    }
    this.isSaying = false;
    if (this.isMore) this.wake();
  }

  private async notify(client: pg.Client, pieces: readonly string[]): Promise<void> {
    await client
      .query('SELECT pg_notify($1, piece) FROM unnest($2::text[]) AS piece', [CHANNEL, pieces])
      .catch((error: unknown) => this.log.debug({ err: error }, 'the other servers cannot be told'));
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await this.session().catch((error: unknown) =>
        this.log.debug({ err: error }, 'the other servers cannot be heard'),
      );
      await sleep(RECONNECT_AFTER_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** One connection, until it ends. */
  private async session(): Promise<void> {
    const { signal } = this.stopping;
    const socket = new Socket();
    const client = new pg.Client({
      connectionString: this.url,
      application_name: 'hlm bus',
      stream: () => socket,
      connectionTimeoutMillis: ANSWER_WITHIN_MS,
      query_timeout: ANSWER_WITHIN_MS,
    });
    client.on('error', () => undefined);
    const ended = new Promise((resolve) => client.once('end', resolve));
    try {
      await client.connect();
      this.listen(client, await ownProcess(client));
      await client.query(`LISTEN ${CHANNEL}`);
      this.client = client;
      for (const { connected } of this.members.values()) connected?.();
      this.wake();
      while (!signal.aborted) {
        await Promise.race([ended, sleep(CHECK_EVERY_MS, undefined, { signal }).catch(() => undefined)]);
        if (!signal.aborted) await client.query('SELECT');
      }
    } finally {
      this.client = null;
      socket.destroy();
    }
  }

  private listen(client: pg.Client, own: number): void {
    const pieces = new Pieces();
    client.on('notification', ({ processId, payload = '' }) => {
      // What one says comes to oneself too.
      if (processId === own) return;
      for (const [name, message] of pieces.add(processId, payload)) this.members.get(name)?.take(message);
    });
  }
}

async function ownProcess(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ id: number }>('SELECT pg_backend_pid() AS id');
  return rows[0].id;
}

type Said = [name: string, message: unknown][];

/**
 * `place/count text`, each with its place: of equal notifications in one transaction PostgreSQL delivers one. ASCII alone, so
 * that a character is a byte.
 */
function piecesOf(said: unknown[]): string[] {
  const text = JSON.stringify(said).replace(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  const count = Math.ceil(text.length / PIECE_LENGTH_MAX);
  return Array.from({ length: count }, (_, place) => {
    const from = place * PIECE_LENGTH_MAX;
    return `${place}/${count} ${text.slice(from, from + PIECE_LENGTH_MAX)}`;
  });
}

/** Puts together what came in pieces; those of one transaction of a server come in their order, and none between them. */
class Pieces {
  private readonly begun = new Map<number, { text: string; next: number }>();

  /** What is whole by this piece of the server's. */
  add(server: number, piece: string): Said {
    const [, place, count, text] = /^(\d+)\/(\d+) (.*)$/.exec(piece) ?? [];
    const begun = place === '0' ? { text: '', next: 0 } : this.begun.get(server);
    this.begun.delete(server);
    // Ours began to listen in the middle of it.
    if (begun === undefined || begun.next !== Number(place)) return [];
    const whole = { text: begun.text + text, next: begun.next + 1 };
    if (whole.next === Number(count)) return JSON.parse(whole.text) as Said;
    this.begun.set(server, whole);
    return [];
  }
}
