import { type DocumentNode, type GraphQLSchema, getOperationAST, type OperationDefinitionNode } from 'graphql';
import type { Identity } from '../../auth/tokens.js';
import { badInput } from '../../errors.js';
import { costOf, costOfAnswer } from './cost.js';
import { faultsOf, parseDocument } from './document.js';
import { INGEST_FIELDS, type Turnstile } from './turnstile.js';

/** What a client asks for, as it came. */
export interface Asked {
  document: DocumentNode;
  operation: OperationDefinitionNode;
  variables: Readonly<Record<string, unknown>> | null | undefined;
}

export interface Admitted {
  cost: number;
  charged: number;
}

/** The last wall before anything is done, over HTTP and the WebSocket alike: what the operation costs, and how often. */
export class Admission {
  constructor(
    private readonly schema: GraphQLSchema,
    private readonly turnstile: Turnstile,
    private readonly nowMs: () => number,
  ) {}

  /**
   * What the operation costs at most, and what of it was charged.
   *
   * @throws ApiError QUERY_TOO_COMPLEX, RATE_LIMITED.
   */
  admit(identity: Identity, { document, operation, variables }: Asked): Admitted {
    const cost = costOf(this.schema, { document, operation, variables: variables ?? {}, nowMs: this.nowMs() });
    return { cost, charged: this.turnstile.charge(identity, { isIngest: isIngest(operation), cost }) };
  }

  /** It was done: what was charged for lists that were shorter than they might have been is given back. */
  settle(identity: Identity, { charged }: Admitted, answer: unknown): void {
    this.turnstile.giveBack(identity, Math.max(0, charged - costOfAnswer(answer)));
  }

  /**
   * The subscription of a document, admitted.
   *
   * @throws ApiError as `admit`, and BAD_USER_INPUT for any other operation; an array of what is wrong with the document.
   */
  subscription(
    identity: Identity,
    payload: { query: string; operationName?: string | null; variables?: Record<string, unknown> | null },
  ): { document: DocumentNode; operationName?: string | null; variableValues: Record<string, unknown> } {
    const { query, operationName, variables } = payload;
    const document = parseDocument(query);
    const faults = faultsOf(this.schema, document);
    if (faults.length > 0) throw faults;
    const operation = getOperationAST(document, operationName);
    if (operation?.operation !== 'subscription') throw badInput('The socket takes subscriptions only.');
    this.admit(identity, { document, operation, variables });
    return { document, operationName, variableValues: variables ?? {} };
  }
}

function isIngest({ operation, selectionSet }: OperationDefinitionNode): boolean {
  return (
    operation === 'mutation' &&
    selectionSet.selections.every((field) => field.kind === 'Field' && INGEST_FIELDS.has(field.name.value))
  );
}
