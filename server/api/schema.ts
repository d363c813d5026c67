import 'reflect-metadata';
import type { GraphQLSchema } from 'graphql';
import { buildSchema, type PubSub } from 'type-graphql';
import { checkAuthority } from './authority.js';
import { AccountResolver, TenantResolver, TokenResolver } from './resolvers/account.resolver.js';
import { AgentResolver, StreamResolver } from './resolvers/agent.resolver.js';
import { AlertResolver, PreviewedAlertResolver } from './resolvers/alert.resolver.js';
import { DeletionResolver } from './resolvers/deletion.resolver.js';
import { ConnectAgentPayloadResolver, IngestLogsPayloadResolver, IngestResolver } from './resolvers/ingest.resolver.js';
import { LiveResolver } from './resolvers/live.resolver.js';
import { LogResolver } from './resolvers/log.resolver.js';
import { AlertNotificationResolver, NotificationResolver, SilenceResolver } from './resolvers/notification.resolver.js';
import { PlanResolver } from './resolvers/plan.resolver.js';
import { AgentRetentionResolver, RetentionResolver } from './resolvers/retention.resolver.js';
import { TrafficResolver, TrafficStatsResolver } from './resolvers/traffic.resolver.js';

/** TypeGraphQL wants one once there are subscriptions; ours bring their own iterables (server/live). */
const unusedPubSub: PubSub = {
  publish: () => {
    throw new Error('subscriptions are fed by server/live');
  },
  subscribe: () => {
    throw new Error('subscriptions are fed by server/live');
  },
};

export function buildApiSchema(): Promise<GraphQLSchema> {
  return buildSchema({
    resolvers: [
      AccountResolver,
      TokenResolver,
      TenantResolver,
      AgentResolver,
      StreamResolver,
      TrafficResolver,
      TrafficStatsResolver,
      LogResolver,
      IngestResolver,
      ConnectAgentPayloadResolver,
      IngestLogsPayloadResolver,
      AlertResolver,
      PreviewedAlertResolver,
      NotificationResolver,
      SilenceResolver,
      AlertNotificationResolver,
      LiveResolver,
      DeletionResolver,
      RetentionResolver,
      AgentRetentionResolver,
      PlanResolver,
    ],
    orphanedTypes: [],
    authChecker: checkAuthority,
    pubSub: unusedPubSub,
    validate: false,
  });
}
