import { graphql } from './graphql.js';

export const TokensQuery = graphql(`
  query Tokens {
    tokens { id name role agentName createdAt lastUsedAt expiresAt user { email } }
  }
`);

export const CreateTokenMutation = graphql(`
  mutation CreateToken($input: TokenInput!) {
    createToken(input: $input) { secret token { id name role } }
  }
`);

export const RevokeTokenMutation = graphql(`
  mutation RevokeToken($id: ID!) { revokeToken(id: $id) }
`);

export const UsersQuery = graphql(`
  query Users { users { id name email role } }
`);

export const CreateUserMutation = graphql(`
  mutation CreateUser($input: UserInput!) { createUser(input: $input) { id name email role } }
`);

export const UpdateUserMutation = graphql(`
  mutation UpdateUser($id: ID!, $input: UserPatch!) { updateUser(id: $id, input: $input) { id name email role } }
`);

export const DeleteUserMutation = graphql(`
  mutation DeleteUser($id: ID!) { deleteUser(id: $id) }
`);

export const TenantsQuery = graphql(`
  query Tenants {
    tenants {
      id
      name
      limits { agents entriesPerSecond alertRules keepLogs }
      usage { agents entriesPerSecond alertRules keepLogs }
    }
  }
`);

export const CreateTenantMutation = graphql(`
  mutation CreateTenant($input: TenantInput!) {
    createTenant(input: $input) { secret tenant { id name } token { id name role } }
  }
`);

export const SetTenantLimitsMutation = graphql(`
  mutation SetTenantLimits($id: ID!, $input: TenantLimitsInput!) {
    setTenantLimits(id: $id, input: $input) { id name limits { agents entriesPerSecond alertRules keepLogs } }
  }
`);

export const DeleteTenantMutation = graphql(`
  mutation DeleteTenant($id: ID!) { deleteTenant(id: $id) }
`);

export const AuditLogQuery = graphql(`
  query AuditLog($first: Int!, $after: String) {
    auditLog(first: $first, after: $after) {
      nodes { id at actor role action subject subjectId changes { field before after } }
      pageInfo { hasNextPage endCursor }
    }
  }
`);
