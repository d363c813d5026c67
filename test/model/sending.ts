import fc from 'fast-check';
import { settleAlerts } from './compare.js';
import { equal } from './equal.js';
import { type Draft, drafts } from './lines.js';
import { batchOf, emptyLedger, linesTaken, type Model, type ModelAgent, type ModelStream } from './model.js';
import { checkpointOf, DIRECT, headOf, type Real } from './real.js';
import { deliver, Step, write } from './step.js';

/** The agent whose alerts are compared, and one that scripts send to besides. */
export const AGENTS = ['watched', 'scripted'] as const;
const STREAMS_MAX = 3;
/** Where a script's source begins. */
const SCRIPT_FROM = 1_000;

/** Which source, and how it is sent. */
interface Where {
  agent: string;
  stream: number;
  compact: boolean;
}
const where = { agent: fc.constantFrom(...AGENTS), stream: fc.nat(STREAMS_MAX - 1), compact: fc.boolean() };
/** Of something that is not known yet: which part. */
const share = fc.constantFrom(0, 0.25, 0.5, 0.75, 1);

function found(model: Model, { agent: name, stream: place, compact }: Where) {
  const agent = model.agent(name);
  const claimed = agent.streams.filter(({ scripted }) => !scripted);
  return { agent, stream: claimed[place % claimed.length], compact };
}

export const append = fc
  .record({ ...where, drafts, cuts: fc.array(share, { maxLength: 2 }) })
  .map((params) => new Step('append', params, appendLines));

async function appendLines(model: Model, real: Real, params: Where & { drafts: Draft[]; cuts: number[] }) {
  const at = found(model, params);
  write(model, at.stream, params.drafts);
  const from = linesTaken(at.stream);
  const count = at.stream.lines.length - from;
  const ends = [...new Set([...params.cuts.map((cut) => Math.round(cut * count)), count])].filter((end) => end > 0);
  let begin = 0;
  for (const end of ends.sort((a, b) => a - b)) {
    await deliver(model, real, at, batchOf(at.stream, from + begin, from + end));
    begin = end;
  }
}

export const sendAnyPart = fc
  .record({ ...where, from: share, to: share })
  .map((params) => new Step('send any part', params, sendPart, (model) => model.lines > 0));

async function sendPart(model: Model, real: Real, params: Where & { from: number; to: number }) {
  const at = found(model, params);
  const [from, to] = [params.from, params.to].map((part) => Math.round(part * at.stream.lines.length));
  if (from !== to) await deliver(model, real, at, batchOf(at.stream, Math.min(from, to), Math.max(from, to)));
}

/** As a retry whose answer was lost, though it had arrived: at the same time, and again. */
export const sendTwice = fc.record({ ...where, drafts }).map((params) => new Step('send twice', params, twice));

async function twice(model: Model, real: Real, params: Where & { drafts: Draft[] }) {
  const at = found(model, params);
  write(model, at.stream, params.drafts);
  await settleAlerts(model, real);
  const batch = batchOf(at.stream, linesTaken(at.stream), at.stream.lines.length);
  const told = await Promise.all([1, 2].map(() => real.send(at.agent.name, at.stream, batch, at.compact)));
  const expected = [1, 2].map(() => model.send(at.agent, at.stream, batch));
  told.sort((a, b) => (a.outcome < b.outcome ? -1 : 1));
  equal(told, expected, `the answers to a batch of ${at.agent.name} that came twice at once`);
  await deliver(model, real, at, batch);
}

export const reorder = fc.record({ ...where, drafts }).map((params) => new Step('reorder', params, swapped));

async function swapped(model: Model, real: Real, params: Where & { drafts: Draft[] }) {
  const at = found(model, params);
  write(model, at.stream, params.drafts);
  const [from, to] = [linesTaken(at.stream), at.stream.lines.length];
  const middle = Math.floor((from + to) / 2);
  if (middle === from) return;
  const [first, second] = [batchOf(at.stream, from, middle), batchOf(at.stream, middle, to)];
  for (const batch of [second, first, second]) await deliver(model, real, at, batch);
}

/** Two agents at once: windows of all agents are made of both. */
export const bothAtOnce = fc
  .record({ stream: where.stream, compact: where.compact, each: fc.tuple(drafts, drafts) })
  .map((params) => new Step('both at once', params, both));

async function both(model: Model, real: Real, params: Omit<Where, 'agent'> & { each: [Draft[], Draft[]] }) {
  const sends = AGENTS.map((agent, i) => {
    const at = found(model, { ...params, agent });
    write(model, at.stream, params.each[i]);
    return { ...at, batch: batchOf(at.stream, linesTaken(at.stream), at.stream.lines.length) };
  });
  await settleAlerts(model, real);
  const told = await Promise.all(
    sends.map(({ agent, stream, batch, compact }) => real.send(agent.name, stream, batch, compact)),
  );
  const expected = sends.map(({ agent, stream, batch }) => model.send(agent, stream, batch));
  equal(told, expected, 'the answers to batches of both agents at once');
}

/** A batch without a stream, or of a stream that a script names. */
export const script = fc
  .record({ drafts, again: fc.boolean(), direct: fc.boolean(), compact: fc.boolean() })
  .map((params) => new Step('script', params, sendScript));

interface ScriptParams {
  drafts: Draft[];
  again: boolean;
  direct: boolean;
  compact: boolean;
}

async function sendScript(model: Model, real: Real, { drafts, again, direct, compact }: ScriptParams) {
  const agent = model.agent('scripted');
  const name = direct ? DIRECT : 'nightly';
  let stream = agent.streams.find(({ id }) => id === name);
  if (stream === undefined) {
    stream = newStream(name, name, true);
    stream.position = direct ? 0 : SCRIPT_FROM;
    agent.streams.push(stream);
  }
  const from = stream.position;
  write(model, stream, drafts);
  const lines = stream.lines.splice(0);
  const batch = { from, to: from + lines.length, epoch: null, lines };
  for (let times = again && !direct ? 2 : 1; times > 0; times--)
    await deliver(model, real, { agent, stream, compact }, batch);
}

export function newStream(id: string, name: string, scripted: boolean): ModelStream {
  const counts = { position: 0, newestMs: null, ended: false, ledger: emptyLedger(), duplicateBatches: 0 };
  return { name, id, scripted, lines: [], head: null, epoch: 1, ...counts };
}

/** Claims a source that the server does not know. */
export async function openNew(real: Real, agent: ModelAgent): Promise<void> {
  const stream = newStream('', 'access.log', false);
  stream.head = headOf(stream);
  const { streamId, epoch, position } = await real.open(agent.name, stream.name, null, stream.head);
  equal({ epoch, position }, { epoch: 1, position: 0 }, 'the claim of a new stream');
  stream.id = streamId;
  agent.streams.push(stream);
  await real.beat(agent.name, [{ id: streamId, epoch }]);
}

export const rotate = fc.record({ agent: where.agent }).map(
  (params) =>
    new Step(
      'rotate',
      params,
      (model, real) => openNew(real, model.agent(params.agent)),
      (model) => model.agent(params.agent).streams.filter(({ scripted }) => !scripted).length < STREAMS_MAX,
    ),
);

/** The agent's process ends, and another one begins: it finds each of its sources again by proof. */
export const restartAgent = fc
  .record({ agent: where.agent })
  .map((params) => new Step('restart the agent', params, comeAgain));

async function comeAgain(model: Model, real: Real, { agent: name }: { agent: string }) {
  const agent = model.agent(name);
  const claimed = agent.streams.filter(({ scripted }) => !scripted);
  const { id, streams } = await real.connect(name);
  equal(id, agent.id, `the id of ${name}`);
  const expected = claimed.map(checkpointOf);
  const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1);
  equal(streams.sort(byId), expected.sort(byId), `checkpoints of ${name}`);
  for (const stream of claimed) await claim(real, agent, stream);
}

/** Claims a stream that is known: it goes on where it stands, under the next epoch. */
async function claim(real: Real, agent: ModelAgent, stream: ModelStream): Promise<void> {
  stream.head = headOf(stream);
  const told = await real.open(agent.name, stream.name, stream.id, stream.head);
  stream.epoch++;
  stream.ended = false;
  const expected = { streamId: stream.id, epoch: stream.epoch, position: stream.position };
  equal({ ...told }, expected, `the claim of a stream of ${agent.name}`);
}

/** A second process claims a source while the first goes on: what the first sends is nobody's, whatever its range. */
export const secondProcess = fc
  .record({ ...where, drafts, part: share })
  .map((params) => new Step('a second process', params, fence));

async function fence(model: Model, real: Real, params: Where & { drafts: Draft[]; part: number }) {
  const at = found(model, params);
  const { agent, stream } = at;
  const stale = stream.epoch;
  await claim(real, agent, stream);
  write(model, stream, params.drafts);
  const from = Math.round(params.part * linesTaken(stream));
  await deliver(model, real, at, batchOf(stream, from, stream.lines.length, stale));
  await deliver(model, real, at, batchOf(stream, linesTaken(stream), stream.lines.length, stale));
  const fenced = await real.beat(agent.name, [{ id: stream.id, epoch: stale }]);
  equal(fenced, [stream.id], 'streams of which the first process is told that they are fenced');
  await deliver(model, real, at, batchOf(stream, linesTaken(stream), stream.lines.length));
}

/** The sources have ended. */
export const end = fc.record({ agent: where.agent }).map(
  (params) =>
    new Step('end', params, async (model, real) => {
      await settleAlerts(model, real);
      await real.beat(params.agent, [], true);
      model.end(model.agent(params.agent));
    }),
);
