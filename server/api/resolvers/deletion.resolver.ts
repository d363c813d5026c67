import { Arg, Authorized, Ctx, ID, Mutation, Resolver } from 'type-graphql';
import { DeleteTrafficInput } from '../../../schema/inputs/deletion.input.js';
import { DeleteTrafficPayload } from '../../../schema/types/deletion.type.js';
import { auditOf } from '../../accounts/index.js';
import { roundUp } from '../../core/rollup/plan.js';
import { RESOLUTIONS } from '../../core/windows/resolutions.js';
import { badInput } from '../../errors.js';
import { MANAGERS } from '../authority.js';
import { type Context, caller } from '../context.js';
import { requestNow } from '../request.js';
import { spanOf } from '../timeframe.js';
import { knownAgents } from './traffic.resolver.js';

const TIMEFRAMES_MAX = 1_000;
const [FINEST] = RESOLUTIONS;

/** Deletes statistics, raw entries, agents. */
@Resolver()
export class DeletionResolver {
  @Authorized(MANAGERS)
  @Mutation(() => DeleteTrafficPayload, {
    description:
      "Deletes statistics, and on request the raw entries, of several timeframes, in every resolution. Breakdowns cannot be divided: unless setRetention says otherwise, timeframes more than 2 days before an agent's newest entry are aligned to minutes, more than 14 days before it to hours, else BAD_USER_INPUT says which. What a crash cuts short is finished by asking again.",
  })
  async deleteTraffic(
    @Ctx() context: Context,
    @Arg('input', () => DeleteTrafficInput) input: DeleteTrafficInput,
  ): Promise<DeleteTrafficPayload> {
    const { length } = input.timeframes;
    if (length < 1 || length > TIMEFRAMES_MAX)
      throw badInput(`timeframes has ${length} entries; expected 1 to ${TIMEFRAMES_MAX}.`);
    // What comes next would lie in a window that is cut.
    const now = async () => roundUp(await requestNow(context), FINEST);
    const { includeLogs, dryRun } = input;
    const { spans, ...deleted } = await context.services.deletion.deleteTraffic(
      {
        tenantId: caller(context).tenantId,
        agentIds: await knownAgents(context, input.agentIds),
        spans: await Promise.all(input.timeframes.map((timeframe) => spanOf(timeframe, { now }))),
        includeLogs,
        dryRun,
      },
      auditOf(caller(context)),
    );
    const timeframes = spans.map(({ fromMs, toMs }) => ({ from: new Date(fromMs), to: new Date(toMs) }));
    return { timeframes, ...deleted };
  }

  @Authorized(MANAGERS)
  @Mutation(() => Boolean, {
    description:
      "With all that it sent; its streams' positions stay, so that nothing comes back. False: no such agent.",
  })
  async deleteAgent(@Ctx() context: Context, @Arg('id', () => ID) id: string): Promise<boolean> {
    const identity = caller(context);
    return context.services.deletion.deleteAgent(identity.tenantId, id, auditOf(identity));
  }
}
