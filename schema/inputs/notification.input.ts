import { Field, ID, InputType } from 'type-graphql';
import { ChannelKind } from '../enums/index.js';
import { GraphQLDateTime } from '../scalars/index.js';

@InputType()
export class NotificationChannelInput {
  @Field(() => String)
  name!: string;

  @Field(() => ChannelKind)
  kind!: ChannelKind;

  @Field(() => String, { description: 'An e-mail address, or a URL.' })
  target!: string;

  @Field(() => String, { nullable: true, description: 'Signs webhook bodies (HMAC-SHA-256).' })
  secret?: string | null;
}

@InputType({ description: 'Null clears, absent leaves.' })
export class NotificationChannelPatch {
  @Field(() => String, { nullable: true })
  name?: string | null;

  @Field(() => String, { nullable: true })
  target?: string | null;

  @Field(() => String, { nullable: true })
  secret?: string | null;

  @Field(() => Boolean, { nullable: true })
  enabled?: boolean | null;
}

@InputType()
export class SilenceInput {
  @Field(() => String)
  name!: string;

  @Field(() => [ID], { defaultValue: [] })
  ruleIds!: string[];

  @Field(() => [ID], { defaultValue: [] })
  agentIds!: string[];

  @Field(() => GraphQLDateTime, { nullable: true, description: 'Now where absent.' })
  from?: Date | null;

  @Field(() => GraphQLDateTime)
  until!: Date;
}
