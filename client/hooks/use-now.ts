import { useEffect, useState } from 'react';

/** The present, once a second: for "42 s ago" and "retrying in 3 s". */
export function useNow(now: () => number): number {
  const [present, setPresent] = useState(now);
  useEffect(() => {
    const timer = setInterval(() => setPresent(now()), 1_000);
    return () => clearInterval(timer);
  }, [now]);
  return present;
}
