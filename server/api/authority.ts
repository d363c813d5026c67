import type { AuthCheckerFn } from 'type-graphql';
import { Role } from '../../schema/enums/index.js';
import { forbidden, unauthenticated } from '../errors.js';
import type { Context } from './context.js';

/** Who may read statistics, entries and alerts. */
export const READERS: Role[] = [Role.OPERATOR, Role.ADMIN, Role.VIEWER];
/** Who may send entries. */
export const INGESTERS: Role[] = [Role.OPERATOR, Role.ADMIN, Role.AGENT];
/** Who may change what users set. */
export const MANAGERS: Role[] = [Role.OPERATOR, Role.ADMIN];
/** Who stands above tenants. */
export const OPERATORS: Role[] = [Role.OPERATOR];
export const ANYONE: Role[] = [Role.OPERATOR, Role.ADMIN, Role.VIEWER, Role.AGENT];

/** Authority belongs to fields, wherever they are reached from. */
export const checkAuthority: AuthCheckerFn<Context, Role> = ({ context }, roles) => {
  if (context.identity === null) throw unauthenticated();
  if (!roles.includes(context.identity.role)) throw forbidden();
  return true;
};
