import { useCallback, useEffect, useState } from 'react';
import { describeFailure } from '../../client/connection/describe.js';
import type { AlertFeed } from '../../client/feeds/alert-feed.js';
import type { AlertEventDetails } from '../../schema/operations/alerts.js';

/** Lines of evidence that are shown. */
const ENTRIES = 20;
/** While something of it is still on its way, it is asked for again this often. */
const AGAIN_MS = 3_000;
/** Evidence is gathered within this; milliseconds. */
const GATHERED_WITHIN_MS = 60_000;

export type Details =
  | { kind: 'loading' }
  | { kind: 'failed'; reason: string }
  | { kind: 'gone' }
  | { kind: 'there'; event: AlertEventDetails };

/** An event with its evidence and notifications, for as long as it is open. */
export function useAlertDetails(alerts: AlertFeed, id: string): { details: Details; again: () => void } {
  const [details, setDetails] = useState<Details>({ kind: 'loading' });
  const [attempt, setAttempt] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another attempt asks again.
  useEffect(() => {
    let current = true;
    let timer: number | undefined;
    const take = (found: Details) => {
      if (!current) return;
      setDetails(found);
      if (found.kind === 'there' && isUnsettled(found.event, Date.now())) timer = window.setTimeout(ask, AGAIN_MS);
    };
    const ask = () =>
      void alerts.find(id, ENTRIES).then(
        (event) => take(event === null ? { kind: 'gone' } : { kind: 'there', event }),
        (error: unknown) => take({ kind: 'failed', reason: describeFailure(error) }),
      );
    ask();
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [alerts, id, attempt]);
  const again = useCallback(() => {
    setDetails({ kind: 'loading' });
    setAttempt((held) => held + 1);
  }, []);
  return { details, again };
}

function isUnsettled({ type, evidence, notifications, recordedAt }: AlertEventDetails, nowMs: number): boolean {
  if (notifications.some(({ status }) => status === 'PENDING')) return true;
  return type === 'TRIGGERED' && evidence.length === 0 && nowMs - Date.parse(recordedAt) < GATHERED_WITHIN_MS;
}
