import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { secondsOf, writeLines } from '../simulator/file.js';
import { ask, runHlm, startServer, stop } from './processes.js';
import { type BenchOptions, type Figure, median, perSecond } from './table.js';

const TRAFFIC = { seed: 1 };

/** Durable ingest of a file end to end, against the agent alone. */
export async function measureIngest({ quick }: BenchOptions): Promise<Figure[]> {
  const [lines, runs] = quick ? [50_000, 3] : [200_000, 5];
  const folder = mkdtempSync(join(tmpdir(), 'hlm-bench-'));
  const log = join(folder, 'access.log');
  await writeLines(log, lines, (Math.floor(Date.now() / 1_000) - secondsOf(lines, TRAFFIC)) * 1_000, TRAFFIC);
  const { url, child } = await startServer(join(folder, 'data'));
  try {
    const token = readFileSync(join(folder, 'data', 'operator-token'), 'utf8').trim();
    const whole: number[] = [];
    const alone: number[] = [];
    for (let i = 0; i < runs; i++) {
      alone.push(await runHlm(['agent', '--dry-run', log]));
      const name = `bench-${i}`;
      whole.push(await runHlm(['agent', '--once', '--name', name, '--url', url, log], { HLM_TOKEN: token }));
      await expectAll(url, token, name, lines);
    }
    const size = `${lines.toLocaleString('en')} lines Combined, ${(statSync(log).size / 2 ** 20).toFixed(1)} MiB`;
    return [
      { what: `durable ingest, end to end (${size})`, value: perSecond(lines, median(whole)) },
      { what: 'agent alone (--dry-run, parsed to JSON)', value: perSecond(lines, median(alone)) },
      { what: 'ratio end to end / agent alone', value: (median(alone) / median(whole)).toFixed(2) },
    ];
  } finally {
    await stop(child);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A figure of a run that lost lines would be worth nothing. */
async function expectAll(url: string, token: string, name: string, lines: number): Promise<void> {
  type Answer = { agents: { nodes: { ledger: { accepted: number } }[] } };
  const { data } = await ask<Answer>(url, token, `{ agents(search: "${name}") { nodes { ledger { accepted } } } }`);
  const { accepted } = data.agents.nodes[0].ledger;
  if (accepted !== lines) throw new Error(`${accepted} of ${lines} lines were taken in`);
}
