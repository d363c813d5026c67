import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from 'graphql-ws';
import { pino } from 'pino';
import WebSocket from 'ws';
import { type RunningServer, type ServerOptions, startServer } from '../../server/main.js';
import type { NotifierSettings } from '../../server/notify/index.js';
import { migratedFolder } from './template.js';

/** What a GraphQL answer holds; tests read it freely. */
export interface Answer {
  // biome-ignore lint/suspicious/noExplicitAny: the shape is the query's, which each test knows.
  data: any;
  errors?: { message: string; extensions: { code: string } }[];
}

/** For tests that ask for all that there is, over and over. */
export const NO_LIMITS = { cost: 1e9, costPerSecond: 1e9, operationsPerSecond: 1e6 };

/** A real server on its own embedded PostgreSQL, in a folder that goes with it. */
export interface TestServer {
  url: string;
  dataFolder: string;
  operatorToken: string;
  agentToken: string;
  /** Sends an operation as the operator, or with `token`. */
  gql: (query: string, variables?: object, token?: string | null) => Promise<Answer>;
  /** Subscribes; `next` waits for the next message. */
  subscribe: (query: string, variables?: object, token?: string) => Subscription;
  /** Stops and starts it on the same folder and port. */
  restart: () => Promise<void>;
  close: () => Promise<void>;
}

export interface TestServerOptions extends Partial<Omit<ServerOptions, 'notify'>> {
  notify?: Partial<NotifierSettings>;
}

export interface Subscription {
  next: (withinMs?: number) => Promise<Answer>;
  /** Messages so far that nobody took. */
  waiting: Answer[];
  close: () => Promise<void>;
}

/** @param options others than a server of a test has */
export async function startTestServer({ notify = {}, ...options }: TestServerOptions = {}): Promise<TestServer> {
  const dataFolder = await migratedFolder();
  const log = pino({ level: process.env.HLM_TEST_LOG ?? 'silent' }, pino.destination(2));
  let port = 0;
  const start = () =>
    startServer({
      dataFolder,
      databaseUrl: null,
      host: '127.0.0.1',
      port,
      adminToken: null,
      operatorTokenFile: 'operator-token',
      agentTokenFile: 'agent-token',
      allowedOrigins: [],
      notify: { smtpUrl: null, mailFrom: 'HTTP Logs Monitor <hlm@example.com>', allowPrivate: true, ...notify },
      publicUrl: 'https://logs.example.com/',
      log,
      ...options,
    });
  let server: RunningServer = await start();
  port = Number(new URL(server.url).port);
  const read = (file: string) => readFileSync(join(dataFolder, file), 'utf8').trim();
  const operatorToken = read('operator-token');
  return {
    url: server.url,
    dataFolder,
    operatorToken,
    agentToken: read('agent-token'),
    gql: (query, variables, token = operatorToken) => post(server.url, query, variables, token),
    subscribe: (query, variables, token = operatorToken) => subscribe(server.url, query, variables, token),
    restart: async () => {
      await server.close();
      server = await start();
    },
    close: async () => {
      await server.close();
      rmSync(dataFolder, { recursive: true, force: true });
    },
  };
}

export async function post(
  url: string,
  query: string,
  variables: object | undefined,
  token: string | null,
): Promise<Answer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token === null ? {} : { authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ query, variables }),
  });
  return (await response.json()) as Answer;
}

function subscribe(url: string, query: string, variables: object | undefined, token: string): Subscription {
  const client = createClient({
    url: url.replace(/^http/, 'ws'),
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${token}` },
    retryAttempts: 0,
  });
  const waiting: Answer[] = [];
  let failure: unknown;
  const unsubscribe = client.subscribe(
    { query, variables: variables as Record<string, unknown> },
    {
      next: (message) => waiting.push(message as Answer),
      error: (error) => {
        failure = error;
      },
      complete: () => undefined,
    },
  );
  return {
    waiting,
    next: async (withinMs = 10_000) => {
      await until(() => waiting.length > 0 || failure !== undefined, withinMs, 'a message of the subscription');
      const message = waiting.shift();
      if (!message)
        throw failure instanceof Error ? failure : new Error(`subscription failed: ${JSON.stringify(failure)}`);
      return message;
    },
    close: async () => {
      unsubscribe();
      await client.dispose();
    },
  };
}

/** Waits for a condition, never for a time. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  withinMs = 10_000,
  what = 'the condition',
): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited ${withinMs} ms for ${what}`);
    await sleep(20);
  }
}
