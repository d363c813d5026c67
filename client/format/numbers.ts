/** Numbers as people read them at a glance; units of 1000. */

const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const STEPS = ['', 'k', 'M', 'G', 'T', 'P'] as const;

/** What a figure that is not there looks like. */
export const NOTHING = '–';

function scaled(value: number): { digits: string; step: number } {
  let rest = value;
  let step = 0;
  // 999.5 would round to 1000 of the step below.
  while (Math.abs(rest) >= (step === 0 ? 1_000 : 999.5) && step < STEPS.length - 1) {
    rest /= 1_000;
    step += 1;
  }
  const places = step === 0 || Math.abs(rest) >= 99.95 ? 0 : 1;
  return { digits: rest.toFixed(places).replace(/\.0$/, ''), step };
}

/** A count: exact below 10,000 (`1,205`), then `12.3k`, `4M`. */
export function count(value: number): string {
  if (!Number.isFinite(value)) return NOTHING;
  if (Math.abs(value) < 10_000) return grouped.format(value);
  const { digits, step } = scaled(value);
  return digits + STEPS[step];
}

/** A rate: two decimals below 100 (`10.05`, as the alerts say it), one below 1,000, then as a count. */
export function rate(value: number): string {
  if (!Number.isFinite(value)) return NOTHING;
  if (Math.abs(value) < 100) return value.toFixed(2);
  if (Math.abs(value) < 1_000) return value.toFixed(1);
  return count(Math.round(value));
}

/** Bytes: `512 B`, `12.3 kB`, `4 MB`. */
export function bytes(value: number): string {
  if (!Number.isFinite(value)) return NOTHING;
  const { digits, step } = scaled(value);
  return `${digits} ${STEPS[step]}B`;
}

/** A share of 0 to 1: `0%`, `2.1%`, `94%`; what is not nothing is never shown as nothing. */
export function percent(share: number): string {
  if (!Number.isFinite(share)) return NOTHING;
  const value = share * 100;
  if (value === 0) return '0%';
  if (value < 0.1) return '<0.1%';
  return value < 9.95 ? `${value.toFixed(1)}%` : `${value.toFixed(value > 99 && value < 100 ? 1 : 0)}%`;
}

/** A number as it was given, for thresholds and axes: `10`, `8.45`, `12.3k`. */
export function plainNumber(value: number): string {
  return Math.abs(value) >= 10_000 ? count(value) : String(Number(value.toFixed(3)));
}
