import type { ApolloServerPlugin } from '@apollo/server';
import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import { type Context, caller } from '../context.js';
import type { Admission, Admitted } from './admission.js';
import type { ValidDocuments } from './valid-documents.js';

export interface Walls {
  documents: ValidDocuments;
  admission: Admission;
  format: (formatted: GraphQLFormattedError, error: unknown) => GraphQLFormattedError;
}

/**
 * The walls on Apollo's way, in the place of its own validation: the document is validated, the operation admitted before it is
 * executed, and its answer says what it cost, unless nothing was charged for it (ingest).
 */
export function wallsPlugin({ documents, admission, format }: Walls): ApolloServerPlugin<Context> {
  return {
    requestDidStart: async () => {
      let faults: GraphQLError[] = [];
      const admitted: Admitted[] = [];
      return {
        didResolveOperation: async ({ contextValue, document, operation, request: { variables } }) => {
          faults = documents.faultsOf(document).map(asFailedValidation);
          if (faults.length > 0) throw faults[0];
          // Apollo says what is wrong where there is none.
          if (operation) admitted.push(admission.admit(caller(contextValue), { document, operation, variables }));
        },
        willSendResponse: async ({ contextValue, response: { body } }) => {
          if (body.kind !== 'single') return;
          // Apollo takes one error for what is thrown; whoever wrote the document wants all.
          if (faults.length > 1) body.singleResult.errors = faults.map((fault) => format(fault.toJSON(), fault));
          const [one] = admitted;
          if (!one?.charged) return;
          body.singleResult.extensions = { cost: one.cost };
          admission.settle(caller(contextValue), one, body.singleResult.data);
        },
      };
    },
  };
}

/** As Apollo calls it, where a rule of ours does not say more. */
function asFailedValidation(fault: GraphQLError): GraphQLError {
  const { nodes, message, extensions } = fault;
  return new GraphQLError(message, {
    nodes,
    extensions: { code: 'GRAPHQL_VALIDATION_FAILED', ...extensions, http: { status: 400 } },
  });
}
