import { createHmac } from 'node:crypto';
import nodemailer, { type Transporter } from 'nodemailer';
import { headingOf, htmlOf, type Message, slackOf, textOf, webhookOf } from '../core/notify/message.js';
import type { NotificationChannelEntity } from '../store/entities/notification-channel.entity.js';
import { type HttpAnswer, post, RefusedAddressError } from './http-post.js';

/** What came of one attempt. */
export type Attempt = { sent: true } | { sent: false; why: string; retryAfterMs: number | null };

/** Tells people on one kind of channel. Never throws: what goes wrong is why it was not sent. */
export interface Notifier {
  send(channel: NotificationChannelEntity, message: Message): Promise<Attempt>;
}

export interface NotifierSettings {
  /** Null: the server has no mail server. */
  smtpUrl: string | null;
  mailFrom: string;
  allowPrivate: boolean;
}

const SMTP_TIMEOUT_MS = 10_000;

export function notifiersOf(settings: NotifierSettings): Record<NotificationChannelEntity['kind'], Notifier> {
  return {
    EMAIL: mailNotifier(settings),
    SLACK: { send: (channel, message) => postJson(channel, slackOf(message), {}, settings) },
    WEBHOOK: { send: (channel, message) => sendWebhook(channel, message, settings) },
  };
}

function mailNotifier({ smtpUrl, mailFrom }: NotifierSettings): Notifier {
  let transport: Transporter | null = null;
  return {
    send: async ({ target }, message) => {
      if (smtpUrl === null)
        return { sent: false, why: 'the server has no mail server (HLM_SMTP_URL)', retryAfterMs: null };
      transport ??= nodemailer.createTransport(smtpUrl, {
        connectionTimeout: SMTP_TIMEOUT_MS,
        greetingTimeout: SMTP_TIMEOUT_MS,
        socketTimeout: SMTP_TIMEOUT_MS,
        disableFileAccess: true,
        disableUrlAccess: true,
      } as object);
      try {
        await transport.sendMail({
          // As an object: a string would be taken apart as a list of addresses.
          to: { name: '', address: target },
          from: mailFrom,
          envelope: { from: addressWithin(mailFrom), to: [target] },
          messageId: `<${message.id}@hlm>`,
          subject: headingOf(message).slice(0, 200),
          text: textOf(message),
          html: htmlOf(message),
        });
        return { sent: true };
      } catch (error) {
        const { responseCode, code } = error as { responseCode?: number; code?: string };
        return {
          sent: false,
          why: `the mail server refused: ${responseCode ?? code ?? 'unknown'}`,
          retryAfterMs: null,
        };
      }
    },
  };
}

function addressWithin(from: string): string {
  return /<([^>]+)>/.exec(from)?.[1] ?? from;
}

/** Signed as Stripe does: `t` is the time of sending, so that what was overheard cannot be sent again later. */
async function sendWebhook(
  channel: NotificationChannelEntity,
  message: Message,
  settings: NotifierSettings,
): Promise<Attempt> {
  const body = webhookOf(message);
  const headers: Record<string, string> = { 'idempotency-key': message.id };
  if (channel.secret !== null) headers['x-hlm-signature'] = signature(JSON.stringify(body), channel.secret, Date.now());
  return postJson(channel, body, headers, settings);
}

/** @param nowMs milliseconds since the epoch */
export function signature(body: string, secret: string, nowMs: number): string {
  const seconds = Math.floor(nowMs / 1_000);
  return `t=${seconds},v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`;
}

async function postJson(
  { target }: NotificationChannelEntity,
  body: object,
  headers: Record<string, string>,
  { allowPrivate }: NotifierSettings,
): Promise<Attempt> {
  try {
    const all = { 'content-type': 'application/json', 'user-agent': 'http-logs-monitor', ...headers };
    return outcomeOf(await post(new URL(target), all, JSON.stringify(body), { allowPrivate }));
  } catch (error) {
    const { code, name } = error as { code?: string; name: string };
    const why = error instanceof RefusedAddressError ? error.message : `cannot be reached (${code ?? name})`;
    return { sent: false, why, retryAfterMs: null };
  }
}

function outcomeOf({ status, retryAfterMs }: HttpAnswer): Attempt {
  if (status >= 200 && status < 300) return { sent: true };
  const redirect = status >= 300 && status < 400 ? ', a redirect, which is not followed' : '';
  return { sent: false, why: `answered with HTTP status ${status}${redirect}`, retryAfterMs };
}
