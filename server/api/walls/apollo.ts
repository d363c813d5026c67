import type { ApolloServerPlugin } from '@apollo/server';
import { type Context, caller } from '../context.js';
import type { Admission, Admitted } from './admission.js';

/**
 * The walls on Apollo's way: the operation is admitted before it is executed, and its answer says what it cost, unless
 * nothing was charged for it (ingest).
 */
export function admissionPlugin(admission: Admission): ApolloServerPlugin<Context> {
  return {
    requestDidStart: async () => {
      const admitted: Admitted[] = [];
      return {
        didResolveOperation: async ({ contextValue, document, operation, request: { variables } }) => {
          // Apollo says what is wrong where there is none.
          if (operation) admitted.push(admission.admit(caller(contextValue), { document, operation, variables }));
        },
        willSendResponse: async ({ contextValue, response: { body } }) => {
          const [one] = admitted;
          if (!one?.charged || body.kind !== 'single') return;
          body.singleResult.extensions = { cost: one.cost };
          admission.settle(caller(contextValue), one, body.singleResult.data);
        },
      };
    },
  };
}
