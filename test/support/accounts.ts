import { expect } from '@jest/globals';
import { startTestServer, type TestServer } from './server.js';

export const UNKNOWN = '00000000-0000-4000-8000-000000000000';
export const CREATE_TOKEN =
  'mutation ($input: TokenInput!) { createToken(input: $input) { secret token { id name role agentName } } }';
export const CREATE_USER = 'mutation ($input: UserInput!) { createUser(input: $input) { id name email role } }';
export const UPDATE_USER =
  'mutation ($id: ID!, $input: UserPatch!) { updateUser(id: $id, input: $input) { id name role } }';
export const DELETE_USER = 'mutation ($id: ID!) { deleteUser(id: $id) }';
export const REVOKE_TOKEN = 'mutation ($id: ID!) { revokeToken(id: $id) }';
export const CREATE_TENANT =
  'mutation ($name: String!) { createTenant(input: { name: $name }) { tenant { id } token { role } secret } }';
export const DELETE_TENANT = 'mutation ($id: ID!) { deleteTenant(id: $id) }';
export const VIEWER = '{ viewer { role tenant { id name } user { email } } }';

/** A server, and what tests of tenants, users and tokens ask of it; as the operator where no token is named. */
export class Accounts {
  private constructor(readonly server: TestServer) {}

  static async start(): Promise<Accounts> {
    return new Accounts(await startTestServer());
  }

  /** The data of an answer without errors. */
  async done(query: string, variables?: object, token?: string) {
    const { data, errors } = await this.server.gql(query, variables, token);
    expect(errors).toBeUndefined();
    return data;
  }

  /** The code of an answer's error. */
  async refused(query: string, variables?: object, token?: string | null): Promise<string> {
    const { errors } = await this.server.gql(query, variables, token);
    return errors?.[0].extensions.code ?? 'NOT REFUSED';
  }

  /** With its first administrator's token. */
  async newTenant(name: string): Promise<{ id: string; admin: string }> {
    const { createTenant } = await this.done(CREATE_TENANT, { name });
    expect(createTenant.token.role).toBe('ADMIN');
    return { id: createTenant.tenant.id, admin: createTenant.secret };
  }

  async newToken(input: object, as?: string) {
    return (await this.done(CREATE_TOKEN, { input }, as)).createToken;
  }
}
