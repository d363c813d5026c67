import { Field, InputType } from 'type-graphql';
import { ChannelKind } from '../enums/index.js';

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
