/** As in the API. */
export type RoleName = 'OPERATOR' | 'ADMIN' | 'VIEWER' | 'AGENT';

/** The lowest first: each may all that those before it may, but for AGENT, which only ingests. */
const RANKS: readonly RoleName[] = ['AGENT', 'VIEWER', 'ADMIN', 'OPERATOR'];

/** Whether who has one role may give another, or take it away: none above its own. */
export function mayGrant(own: RoleName, other: RoleName): boolean {
  return RANKS.indexOf(other) <= RANKS.indexOf(own);
}

/** Roles that a token of a user with this role may not have any more. */
export function rolesAbove(role: RoleName): RoleName[] {
  return RANKS.slice(RANKS.indexOf(role) + 1);
}
