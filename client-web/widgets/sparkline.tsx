const BAR_WIDTH = 6;
const GAP = 2;
const HEIGHT = 22;

/** Rates as bars, the oldest first; a quiet one is a line at the bottom. */
export function Sparkline({ rates }: { rates: readonly number[] }) {
  const highest = Math.max(...rates, Number.MIN_VALUE);
  const width = rates.length * (BAR_WIDTH + GAP) - GAP;
  return (
    <svg className="sparkline" width={width} height={HEIGHT} viewBox={`0 0 ${width} ${HEIGHT}`} aria-hidden="true">
      {rates.map((rate, index) => {
        const height = Math.max(1, (rate / highest) * HEIGHT);
        // biome-ignore lint/suspicious/noArrayIndexKey: a bar is its place.
        return <rect key={index} x={index * (BAR_WIDTH + GAP)} y={HEIGHT - height} width={BAR_WIDTH} height={height} />;
      })}
    </svg>
  );
}
