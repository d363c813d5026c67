import { Field, ID, InputType } from 'type-graphql';
import { TimeframeInput } from './read.input.js';

@InputType()
export class DeleteTrafficInput {
  @Field(() => [TimeframeInput], {
    description:
      'Several at once. Borders lie on those of 10 seconds, or of the finest windows whose breakdowns are still kept there, else BAD_USER_INPUT; now is taken as the end of the 10 seconds under way.',
  })
  timeframes!: TimeframeInput[];

  @Field(() => [ID], { nullable: true, description: "All of the tenant's where null." })
  agentIds?: string[] | null;

  @Field(() => Boolean, { defaultValue: false, description: 'Raw entries of these timeframes go too.' })
  includeLogs!: boolean;

  @Field(() => Boolean, { defaultValue: false, description: 'Only count what would go.' })
  dryRun!: boolean;
}
