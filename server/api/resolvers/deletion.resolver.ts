import { Arg, Authorized, Ctx, ID, Mutation, Resolver } from 'type-graphql';
import { DeleteTrafficInput } from '../../../schema/inputs/deletion.input.js';
import { DeleteTrafficPayload } from '../../../schema/types/deletion.type.js';
import { badInput } from '../../errors.js';
import { MANAGERS } from '../authority.js';
import { type Context, caller } from '../context.js';
import { requestNow } from '../request.js';
import { spanOf } from '../timeframe.js';
import { knownAgents } from './traffic.resolver.js';

const TIMEFRAMES_MAX = 1_000;

/** Deletes statistics, raw entries, agents. */
@Resolver()
export class DeletionResolver {
  @Authorized(MANAGERS)
  @Mutation(() => DeleteTrafficPayload, {
    description: 'Deletes statistics, and on request the raw entries, of several timeframes, in every resolution.',
  })
  async deleteTraffic(
    @Ctx() context: Context,
    @Arg('input', () => DeleteTrafficInput) input: DeleteTrafficInput,
  ): Promise<DeleteTrafficPayload> {
    const { length } = input.timeframes;
    if (length < 1 || length > TIMEFRAMES_MAX)
      throw badInput(`timeframes has ${length} entries; expected 1 to ${TIMEFRAMES_MAX}.`);
    const now = () => requestNow(context);
    const { includeLogs, dryRun } = input;
    const { spans, ...deleted } = await context.services.deletion.deleteTraffic({
      tenantId: caller(context).tenantId,
      agentIds: await knownAgents(context, input.agentIds),
      spans: await Promise.all(input.timeframes.map((timeframe) => spanOf(timeframe, { now }))),
      includeLogs,
      dryRun,
    });
    const timeframes = spans.map(({ fromMs, toMs }) => ({ from: new Date(fromMs), to: new Date(toMs) }));
    return { timeframes, ...deleted };
  }

  @Authorized(MANAGERS)
  @Mutation(() => Boolean, {
    description:
      "With all that it sent; its streams' positions stay, so that nothing comes back. False: no such agent.",
  })
  async deleteAgent(@Ctx() context: Context, @Arg('id', () => ID) id: string): Promise<boolean> {
    return context.services.deletion.deleteAgent(caller(context).tenantId, id);
  }
}
