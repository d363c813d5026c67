import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isCompositeType,
  isInterfaceType,
  isListType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  SchemaMetaFieldDef,
  type SelectionSetNode,
  TypeMetaFieldDef,
  type ValueNode,
} from 'graphql';
import { parseDuration } from '../../../schema/scalars/duration.scalar.js';
import { ENTRIES_OF_A_MESSAGE_MAX } from '../../live/index.js';

/** What a field costs that reads the database by itself, in plain fields. */
const READ_COST = 20;
/** Of introspection, which no type lists. */
const META_FIELDS = [SchemaMetaFieldDef, TypeMetaFieldDef];
/** Beside the root's. */
const READS = new Set([
  ...['Agent.ledger', 'Agent.streams', 'Agent.traffic', 'AlertEvent.rule', 'AlertEvent.startedBy'],
  ...['AlertEvent.evidence', 'Tenant.usage', 'Viewer.user'],
]);
/** Length of a list that no argument says, where it is not known otherwise. */
const LIST_LENGTH = 10;
/** Lists that have a length of their own, at most. */
const LENGTHS: Record<string, number> = { 'LogTail.entries': ENTRIES_OF_A_MESSAGE_MAX };
/** Arguments that say how long a list gets: the field's own, or the lists' of the page that it answers with. */
const LENGTH_ARGUMENTS = ['first', 'last', 'limit', 'maxPoints'];
/** Of a series whose step is named, where nothing says of how long a span. */
const POINTS_UNKNOWN = 1_000;
/** Milliseconds, of windows whose resolution is named. */
const RESOLUTION_MS: Record<string, number> = {
  SECONDS_10: 10_000,
  MINUTE: 60_000,
  HOUR: 3_600_000,
  DAY: 86_400_000,
};

export interface Operation {
  document: DocumentNode;
  operation: OperationDefinitionNode;
  /** As they came, not yet coerced: a batch would be decoded twice. */
  variables: Readonly<Record<string, unknown>>;
  nowMs: number;
}

/** What the fields above say of those below. */
interface Above {
  /** Length of the lists of a page; null: not within one. */
  pageLength: number | null;
  /** Of the traffic's timeframe. */
  spanMs: number | null;
}

/**
 * What an operation costs: its answer's fields at most, with what variables say of lists' lengths, and what reads the database
 * counted for more. An estimate from above: fields asked for twice count twice, and lists are taken as full.
 */
export function costOf(schema: GraphQLSchema, asked: Operation): number {
  const root = schema.getRootType(asked.operation.operation);
  if (!root) return 0;
  return new Estimate(schema, asked).ofSet(root, asked.operation.selectionSet, { pageLength: null, spanMs: null });
}

/** What an object of an answer costs beside its fields: it may have been read by itself. */
const OBJECT_COST = 4;

/** What an answer turned out to cost, about. */
export function costOfAnswer(answer: unknown): number {
  if (typeof answer !== 'object' || answer === null || answer instanceof Date) return 0;
  const isList = Array.isArray(answer);
  let cost = isList ? 0 : OBJECT_COST;
  for (const value of isList ? answer : Object.values(answer)) cost += costOfAnswer(value) + (isList ? 0 : 1);
  return cost;
}

class Estimate {
  private readonly fragments = new Map<string, FragmentDefinitionNode>();
  private readonly known = new Map<string, number>();

  constructor(
    private readonly schema: GraphQLSchema,
    private readonly asked: Operation,
  ) {
    for (const definition of asked.document.definitions)
      if (definition.kind === Kind.FRAGMENT_DEFINITION) this.fragments.set(definition.name.value, definition);
  }

  ofSet(type: GraphQLNamedType, set: SelectionSetNode, above: Above): number {
    let cost = 0;
    for (const selection of set.selections) {
      if (selection.kind === Kind.FIELD) cost += this.ofField(type, selection, above);
      else if (selection.kind === Kind.FRAGMENT_SPREAD) cost += this.ofFragment(selection.name.value, above);
      else
        cost += this.ofSet(this.typeNamed(selection.typeCondition?.name.value) ?? type, selection.selectionSet, above);
    }
    return cost;
  }

  /** Each is looked at once for what is above it: fragments that spread others twice would take a time that doubles. */
  private ofFragment(name: string, above: Above): number {
    const key = `${name} ${above.pageLength} ${above.spanMs}`;
    let cost = this.known.get(key);
    if (cost === undefined) {
      const fragment = this.fragments.get(name);
      const type = this.typeNamed(fragment?.typeCondition.name.value);
      cost = fragment && type ? this.ofSet(type, fragment.selectionSet, above) : 0;
      this.known.set(key, cost);
    }
    return cost;
  }

  private ofField(parent: GraphQLNamedType, node: FieldNode, above: Above): number {
    const field = fieldOf(this.schema, parent, node.name.value);
    if (field === null) return 1;
    const isRead = parent === this.schema.getRootType(this.asked.operation.operation);
    const own = isRead || READS.has(`${parent.name}.${field.name}`) ? READ_COST : 1;
    const type = getNamedType(field.type);
    if (node.selectionSet === undefined || !isCompositeType(type)) return own;
    const args = this.argumentsOf(node, field);
    const spanMs = spanOf(args.timeframe, this.asked.nowMs) ?? above.spanMs;
    const said = lengthSaid(field.name, args, spanMs);
    const isList = isListType(getNullableType(field.type));
    const known = said ?? above.pageLength ?? LENGTHS[`${parent.name}.${field.name}`];
    const length = isList ? (known ?? LIST_LENGTH) : 1;
    return own + length * this.ofSet(type, node.selectionSet, { pageLength: isList ? null : said, spanMs });
  }

  /** Raw values of those arguments that say something of lengths. */
  private argumentsOf(node: FieldNode, field: GraphQLField<unknown, unknown>): Record<string, unknown> {
    const values: Record<string, unknown> = {};
    for (const { name, defaultValue } of field.args) values[name] = defaultValue;
    for (const { name, value } of node.arguments ?? []) {
      const raw = this.rawOf(value);
      if (raw !== undefined) values[name.value] = raw;
    }
    return values;
  }

  private rawOf(node: ValueNode): unknown {
    switch (node.kind) {
      case Kind.VARIABLE:
        return this.variable(node.name.value);
      case Kind.INT:
      case Kind.FLOAT:
        return Number(node.value);
      case Kind.OBJECT:
        return Object.fromEntries(node.fields.map(({ name, value }) => [name.value, this.rawOf(value)]));
      case Kind.STRING:
      case Kind.ENUM:
        return node.value;
      default:
        return null;
    }
  }

  private variable(name: string): unknown {
    const given = this.asked.variables[name];
    if (given !== undefined) return given;
    const definition = this.asked.operation.variableDefinitions?.find(({ variable }) => variable.name.value === name);
    return definition?.defaultValue && this.rawOf(definition.defaultValue);
  }

  private typeNamed(name: string | undefined): GraphQLNamedType | null {
    return name === undefined ? null : (this.schema.getType(name) ?? null);
  }
}

function fieldOf(schema: GraphQLSchema, type: GraphQLNamedType, name: string): GraphQLField<unknown, unknown> | null {
  if (!isObjectType(type) && !isInterfaceType(type)) return null;
  const asked = type === schema.getQueryType() ? META_FIELDS.find((meta) => meta.name === name) : undefined;
  return asked ?? type.getFields()[name] ?? null;
}

/** Null: the arguments say nothing. What the API will refuse (negative, no number) costs nothing. */
function lengthSaid(field: string, args: Record<string, unknown>, spanMs: number | null): number | null {
  const stepMs = field === 'windows' ? stepOf(args) : null;
  if (stepMs !== null) return spanMs === null ? POINTS_UNKNOWN : Math.ceil(spanMs / stepMs) + 1;
  const name = LENGTH_ARGUMENTS.find((argument) => args[argument] != null);
  if (name === undefined) return null;
  const length = Number(args[name]);
  return Math.max(length || 0, 0);
}

function stepOf({ step, resolution }: Record<string, unknown>): number | null {
  if (typeof step === 'string') return durationMs(step);
  return RESOLUTION_MS[String(resolution)] ?? null;
}

function spanOf(timeframe: unknown, nowMs: number): number | null {
  if (typeof timeframe !== 'object' || timeframe === null) return null;
  const { from, to, last } = timeframe as Record<string, unknown>;
  if (typeof last === 'string') return durationMs(last);
  if (typeof from !== 'string') return null;
  const spanMs = (typeof to === 'string' ? Date.parse(to) : nowMs) - Date.parse(from);
  return Number.isNaN(spanMs) ? null : Math.max(0, spanMs);
}

function durationMs(text: string): number | null {
  try {
    return parseDuration(text) * 1_000;
  } catch {
    return null;
  }
}
