import { Field, ObjectType } from 'type-graphql';
import { GraphQLDateTime, GraphQLDuration, GraphQLSafeInt } from '../scalars/index.js';
import { Agent } from './agent.type.js';
import { LogEntry } from './log-entry.type.js';
import { Timeframe, TrafficStats, TrafficWindow } from './traffic.type.js';

@ObjectType({
  description:
    'Hits, bytes, status counts and rates are exact for (at − window, at]; tops and distinct hosts are of the 10-second windows that it touches.',
})
export class SlidingWindow {
  @Field(() => GraphQLDateTime, { description: 'Event time of its last second.' })
  at!: Date;

  @Field(() => GraphQLDuration)
  window!: number;

  @Field(() => TrafficStats)
  stats!: TrafficStats;
}

@ObjectType()
export class LiveWindows {
  @Field(() => Agent)
  agent!: Agent;

  @Field(() => [TrafficWindow], {
    description:
      'The windows of 10 seconds that changed, the newest 60 at most; at first, and after a message was missed, those of the two minutes up to the newest event.',
  })
  windows!: TrafficWindow[];

  @Field(() => Timeframe, { nullable: true, description: 'What else changed, or may have: query this span again.' })
  stale!: Timeframe | null;

  @Field(() => SlidingWindow, { description: 'The two minutes up to the newest event.' })
  sliding!: SlidingWindow;
}

@ObjectType()
export class LogTail {
  @Field(() => [LogEntry], { description: 'In the order in which they were taken in; 200 at most.' })
  entries!: LogEntry[];

  @Field(() => GraphQLSafeInt, {
    description:
      'Entries since the message before that the filter admitted, and that are left out: more than a message holds, or came while the client took nothing, or were deleted before they could be told.',
  })
  missed!: number;
}
