import type { TestServer } from './server.js';
import { ownerSql } from './tenants.js';

/** No rule is on any more, and nothing of them is left to be told. */
export async function endAlerts(server: TestServer): Promise<void> {
  const { data } = await server.gql('{ alertRules { id } }');
  for (const { id } of data.alertRules)
    await server.gql('mutation ($id: ID!) { updateAlertRule(id: $id, input: { enabled: false }) { id } }', { id });
  await ownerSql(server, 'UPDATE notification SET due_at = NULL');
}
