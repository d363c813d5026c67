import {
  astFromValue,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLObjectType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isInputObjectType,
  isListType,
  isObjectType,
  isRequiredArgument,
  print,
} from 'graphql';

/** A field of Query, Mutation or Subscription. */
export interface Root {
  /** `Query.agents`. */
  key: string;
  operation: 'query' | 'mutation' | 'subscription';
  field: GraphQLField<unknown, unknown>;
}

export function rootsOf(schema: GraphQLSchema): Root[] {
  const types = [
    ['query', schema.getQueryType()],
    ['mutation', schema.getMutationType()],
    ['subscription', schema.getSubscriptionType()],
  ] as const;
  return types.flatMap(([operation, type]) =>
    Object.values(type!.getFields()).map((field) => ({ key: `${type!.name}.${field.name}`, operation, field })),
  );
}

/** All object types that clients can reach, but introspection's own. */
export function objectTypes(schema: GraphQLSchema): GraphQLObjectType[] {
  return Object.values(schema.getTypeMap()).filter(
    (type): type is GraphQLObjectType => isObjectType(type) && !type.name.startsWith('__'),
  );
}

/** What values are given to, but objects of other such: `Query.agents(after)`, `TimeframeInput.from`. */
export function leafKeys(schema: GraphQLSchema): string[] {
  const isLeaf = ({ type }: { type: GraphQLInputType }) => !isInputObjectType(getNamedType(type));
  const ofArguments = objectTypes(schema).flatMap((type) =>
    Object.values(type.getFields()).flatMap((field) =>
      field.args.filter(isLeaf).map(({ name }) => `${type.name}.${field.name}(${name})`),
    ),
  );
  const ofInputs = Object.values(schema.getTypeMap())
    .filter((type) => isInputObjectType(type))
    .flatMap((type) =>
      Object.values(type.getFields())
        .filter(isLeaf)
        .map(({ name }) => `${type.name}.${name}`),
    );
  return [...ofArguments, ...ofInputs];
}

/** Where a leaf stands in the variables of a root field; `[]`: in each element of a list. */
export interface LeafPath {
  key: string;
  path: string[];
  /** Names of the input types on the way, outermost first. */
  inputs: { at: string[]; type: string }[];
}

export function leafPaths({ key, field }: Root): LeafPath[] {
  return field.args.flatMap(({ name, type }) => below(`${key}(${name})`, type, [name], []));
}

function below(key: string, type: GraphQLInputType, path: string[], inputs: LeafPath['inputs']): LeafPath[] {
  const inner = isListType(getNullableType(type)) ? [...path, '[]'] : path;
  const named = getNamedType(type);
  if (!isInputObjectType(named)) return [{ key, path: inner, inputs }];
  if (inputs.some(({ type: known }) => known === named.name)) return [];
  const passed = [...inputs, { at: inner, type: named.name }];
  return Object.values(named.getFields()).flatMap((one) =>
    below(`${named.name}.${one.name}`, one.type, [...inner, one.name], passed),
  );
}

/**
 * Variables with a value put at a path. What stands on the way and is not there is made by `example`, of the input type.
 */
export function withValue(
  variables: Record<string, unknown>,
  { path, inputs }: LeafPath,
  value: unknown,
  example: (type: string) => object,
): Record<string, unknown> {
  const made = (at: readonly string[]) => {
    const input = inputs.find((one) => one.at.join() === at.join());
    return input === undefined ? {} : structuredClone(example(input.type));
  };
  const put = (known: unknown, at: number): unknown => {
    if (at === path.length) return value;
    const here = path.slice(0, at);
    if (path[at] === '[]') return [put(Array.isArray(known) ? known[0] : undefined, at + 1)];
    const object = (known ?? made(here)) as Record<string, unknown>;
    return { ...object, [path[at]]: put(object[path[at]], at + 1) };
  };
  return put(variables, 0) as Record<string, unknown>;
}

/** Values of the arguments within a selection, by `Agent.traffic(timeframe)`. */
export type NestedArguments = Record<string, unknown>;

/** A field as it is selected, with its arguments: `traffic(timeframe: { last: "P1D" })`. */
export function selected(parent: string, field: GraphQLField<unknown, unknown>, values: NestedArguments): string {
  const given = field.args.flatMap((argument) => {
    const value = values[`${parent}.${field.name}(${argument.name})`];
    if (value === undefined && isRequiredArgument(argument))
      throw new Error(`no value for ${parent}.${field.name}(${argument.name})`);
    return value === undefined ? [] : [`${argument.name}: ${printed(argument, value)}`];
  });
  return given.length === 0 ? field.name : `${field.name}(${given.join(', ')})`;
}

function printed({ type }: GraphQLArgument, value: unknown): string {
  return print(astFromValue(value, type)!);
}

/** A path of fields that ends in all leaves of one object: together they are everything that a type can tell. */
export interface Slice {
  /** `{ nodes { traffic { total { hits … } } } }`, empty for a leaf. */
  text: string;
  /** Keys of the leaves: `TrafficStats.hits`. */
  fields: string[];
}

/** Slices of a type's selection; a type within itself is not walked again. */
export function slicesOf(
  type: GraphQLObjectType | null,
  values: NestedArguments,
  above: readonly string[] = [],
): Slice[] {
  if (type === null) return [{ text: '', fields: [] }];
  if (above.includes(type.name)) return [];
  const own = Object.values(type.getFields());
  const leaves = own.filter((field) => objectOf(field) === null);
  const slices = own
    .filter((field) => objectOf(field) !== null)
    .flatMap((field) =>
      slicesOf(objectOf(field), values, [...above, type.name]).map(({ text, fields }) => ({
        text: `{ ${selected(type.name, field, values)} ${text} }`,
        fields,
      })),
    );
  if (leaves.length === 0) return slices;
  const text = `{ ${leaves.map((field) => selected(type.name, field, values)).join(' ')} }`;
  return [{ text, fields: leaves.map(({ name }) => `${type.name}.${name}`) }, ...slices];
}

/** Several slices as one selection: what they share is merged. */
export function together(slices: readonly Slice[]): Slice {
  if (slices.length === 1) return slices[0];
  const inner = slices.map(({ text }) => text.slice(1, -1));
  return { text: `{ ${inner.join(' ')} }`, fields: slices.flatMap(({ fields }) => fields) };
}

export function objectOf({ type }: GraphQLField<unknown, unknown>): GraphQLObjectType | null {
  const named = getNamedType(type);
  return isObjectType(named) ? named : null;
}

/** The document of a root field, its arguments as variables. */
export function documentOf({ operation, field }: Root, selection: string): string {
  const variables = field.args.map(declared).join(', ');
  const given = field.args.map(({ name }) => `${name}: $${name}`).join(', ');
  const head = variables === '' ? operation : `${operation} (${variables})`;
  return `${head} { ${field.name}${given === '' ? '' : `(${given})`} ${selection} }`;
}

function declared({ name, type, defaultValue }: GraphQLArgument): string {
  const value = defaultValue === undefined ? '' : ` = ${print(astFromValue(defaultValue, type)!)}`;
  return `$${name}: ${type}${value}`;
}
