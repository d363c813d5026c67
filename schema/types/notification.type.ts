import { Field, ID, Int, ObjectType } from 'type-graphql';
import { ChannelKind, NotificationKind, NotificationStatus } from '../enums/index.js';
import { GraphQLDateTime } from '../scalars/index.js';

@ObjectType()
export class NotificationChannel {
  @Field(() => ID)
  id!: string;

  @Field(() => String)
  name!: string;

  @Field(() => ChannelKind)
  kind!: ChannelKind;

  @Field(() => String, { description: 'Where to, with secrets hidden.' })
  target!: string;

  @Field(() => Boolean)
  enabled!: boolean;
}

@ObjectType()
export class Notification {
  @Field(() => ID)
  id!: string;

  @Field(() => NotificationKind)
  kind!: NotificationKind;

  @Field(() => NotificationStatus)
  status!: NotificationStatus;

  @Field(() => Int)
  attempts!: number;

  @Field(() => String, { nullable: true })
  lastError!: string | null;

  @Field(() => GraphQLDateTime, { nullable: true })
  sentAt!: Date | null;
}

@ObjectType({ description: 'A time in which nobody is told; events are recorded all the same.' })
export class Silence {
  @Field(() => ID)
  id!: string;

  @Field(() => String)
  name!: string;

  @Field(() => [ID], { description: 'Of these rules; of all where empty.' })
  ruleIds!: string[];

  @Field(() => [ID], { description: 'Over these agents; over all where empty.' })
  agentIds!: string[];

  @Field(() => GraphQLDateTime)
  from!: Date;

  @Field(() => GraphQLDateTime)
  until!: Date;
}
