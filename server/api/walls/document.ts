import {
  type ASTVisitor,
  type DocumentNode,
  type FragmentDefinitionNode,
  GraphQLError,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  parse,
  type SelectionSetNode,
  specifiedRules,
  type ValidationContext,
  type ValidationRule,
  validate,
} from 'graphql';

/** What a document may be, whoever sends it and however: HTTP and the WebSocket validate by the same rules. */

/** Tokens of a document. Introspection by GraphiQL has some 200, and so has the largest of our own clients. */
export const DOCUMENT_TOKENS_MAX = 1_000;
/** Levels of a selection; introspection by GraphiQL needs 13. */
const DEPTH_MAX = 16;
/** A screen asks for a dimension's tops under some name each. */
const ALIASES_MAX = 50;
const DIRECTIVES_MAX = 20;
/** Of one name: graphql compares each with each. */
const REPEATS_MAX = 100;
const ROOT_FIELDS_MAX: Record<OperationDefinitionNode['operation'], number> = {
  query: 20,
  mutation: 5,
  // graphql's own rule.
  subscription: 1,
};

function refuse(context: ValidationContext, message: string, node?: OperationDefinitionNode): void {
  const extensions = { code: 'QUERY_TOO_COMPLEX', http: { status: 400 } };
  context.reportError(new GraphQLError(message, { nodes: node, extensions }));
}

/** Refuses documents nested deeper than any answer of ours makes sense. Fragments count where they are spread. */
const depthRule: ValidationRule = (context) => ({
  OperationDefinition(operation) {
    const depth = measure(context, operation, {
      field: (below) => below + 1,
      join: Math.max,
    });
    if (depth > DEPTH_MAX) refuse(context, `The document is ${depth} levels deep; at most ${DEPTH_MAX}.`, operation);
  },
});

/** Refuses operations with many fields at the top, each of which is work of its own. */
const rootFieldsRule: ValidationRule = (context) => ({
  OperationDefinition(operation) {
    const fields = measure(context, operation, { field: () => 1, join: (a, b) => a + b });
    const most = ROOT_FIELDS_MAX[operation.operation];
    if (fields > most && operation.operation !== 'subscription')
      refuse(context, `The ${operation.operation} has ${fields} root fields; at most ${most}.`, operation);
  },
});

interface Measure {
  /** Of a field, by what its own selection has. */
  field: (below: number) => number;
  join: (a: number, b: number) => number;
}

/** Measures an operation; each fragment is looked at once, however often others spread it. */
function measure(context: ValidationContext, operation: OperationDefinitionNode, { field, join }: Measure): number {
  const known = new Map<string, number>();
  const ofSet = (set: SelectionSetNode | undefined): number => {
    let sum = 0;
    for (const selection of set?.selections ?? []) {
      if (selection.kind === Kind.FIELD) sum = join(sum, field(ofSet(selection.selectionSet)));
      else if (selection.kind === Kind.INLINE_FRAGMENT) sum = join(sum, ofSet(selection.selectionSet));
      else sum = join(sum, ofFragment(selection.name.value));
    }
    return sum;
  };
  const ofFragment = (name: string): number => {
    let found = known.get(name);
    if (found === undefined) {
      // A circle is another rule's finding: here it ends at its beginning.
      known.set(name, 0);
      found = ofSet((context.getFragment(name) as FragmentDefinitionNode | undefined)?.selectionSet);
      known.set(name, found);
    }
    return found;
  };
  return ofSet(operation.selectionSet);
}

/** A rule that counts what the document has of a kind, and refuses more than `most`. */
function countRule(what: string, most: number, visitorOf: (count: () => void) => ASTVisitor): ValidationRule {
  return (context) => {
    let found = 0;
    const count = () => {
      found++;
      if (found === most + 1) refuse(context, `The document has more than ${most} ${what}.`);
    };
    return visitorOf(count);
  };
}

const aliasesRule = countRule('aliases', ALIASES_MAX, (count) => ({
  Field(field) {
    if (field.alias) count();
  },
}));

const directivesRule = countRule('directives', DIRECTIVES_MAX, (count) => ({ Directive: count }));

/** Refuses documents that name a field over and over. */
const repeatsRule: ValidationRule = (context) => {
  const repeats = new Map<string, number>();
  return {
    Field({ name, alias }) {
      const key = (alias ?? name).value;
      const count = (repeats.get(key) ?? 0) + 1;
      repeats.set(key, count);
      if (count === REPEATS_MAX + 1) refuse(context, `The document names ${key} more than ${REPEATS_MAX} times.`);
    },
  };
};

const LIMITS: readonly ValidationRule[] = [depthRule, rootFieldsRule, aliasesRule, directivesRule, repeatsRule];

/**
 * What is wrong with a document; nothing, where it is valid. Limits come first, and alone: graphql's own rules take a time
 * that grows with the square of what limits bound.
 */
export function faultsOf(schema: GraphQLSchema, document: DocumentNode): readonly GraphQLError[] {
  const beyond = validate(schema, document, LIMITS);
  return beyond.length > 0 ? beyond : validate(schema, document, specifiedRules);
}

/** @throws GraphQLError where it is no GraphQL, or too long. */
export function parseDocument(source: string): DocumentNode {
  return parse(source, { maxTokens: DOCUMENT_TOKENS_MAX });
}
