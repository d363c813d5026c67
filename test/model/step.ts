import type { AsyncCommand } from 'fast-check';
import { compare, settleAlerts } from './compare.js';
import { equal } from './equal.js';
import { type Draft, lineOf } from './lines.js';
import type { Batch, Model, ModelAgent, ModelStream, Outcome } from './model.js';
import type { Real } from './real.js';

/** One action of a history, done to both; then all that the server tells is compared. */
export class Step<Params extends object> implements AsyncCommand<Model, Real> {
  constructor(
    private readonly name: string,
    private readonly params: Params,
    private readonly act: (model: Model, real: Real, params: Params) => Promise<void>,
    private readonly isPossible: (model: Readonly<Model>, params: Params) => boolean = () => true,
    private readonly isAlone = false,
  ) {}

  check(model: Readonly<Model>): boolean {
    return this.isPossible(model, this.params);
  }

  async run(model: Model, real: Real): Promise<void> {
    const { gate } = real.bench;
    model.steps++;
    if (this.isAlone) await gate.alone(() => this.act(model, real, this.params));
    await gate.together(async () => {
      if (!this.isAlone) await this.act(model, real, this.params);
      for (const agent of model.agents) await beat(real, agent);
      await compare(model, real);
    });
  }

  toString(): string {
    return `${this.name} ${JSON.stringify(this.params)}`;
  }
}

/** Every process says in time that it lives. */
async function beat(real: Real, agent: ModelAgent): Promise<void> {
  const held = agent.streams.filter(({ scripted }) => !scripted);
  equal(await real.beat(agent.name, held), [], `streams of ${agent.name} are fenced`);
}

/** A source grows by lines. */
export function write(model: Model, stream: ModelStream, drafts: readonly Draft[]): void {
  stream.lines.push(...drafts.map((draft) => lineOf(draft, ++model.lines)));
}

/** Sends a batch, and compares the answer; of an agent with rules, once all is decided that came before. */
export async function deliver(
  model: Model,
  real: Real,
  { agent, stream, compact }: { agent: ModelAgent; stream: ModelStream; compact: boolean },
  batch: Batch,
): Promise<Outcome> {
  if (agent.rules.length > 0) await settleAlerts(model, real);
  const told = await real.send(agent.name, stream, batch, compact);
  const expected = model.send(agent, stream, batch);
  equal(told, expected, `the answer to a batch of ${agent.name}, ${stream.name}`);
  return expected;
}
