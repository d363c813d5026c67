import type { FieldNode, GraphQLResolveInfo, SelectionSetNode } from 'graphql';
import { Kind } from 'graphql';
import { PARTS, type Part } from '../core/windows/breakdown.js';

type Selecting = Pick<GraphQLResolveInfo, 'fieldNodes' | 'fragments' | 'variableValues'>;

/** The parts of breakdowns that are asked for below a field (within `under` where given): only their columns are read. */
export function partsAsked(info: Selecting, under?: string): Part[] {
  const asked = new Set<Part>();
  visitFields(info, under, (field) => note(field, info, asked));
  return PARTS.filter((part) => asked.has(part));
}

/** Whether a field of that name is asked for below a field. */
export function isAsked(info: Selecting, name: string): boolean {
  let asked = false;
  visitFields(info, undefined, (field) => {
    asked ||= field.name.value === name;
  });
  return asked;
}

function visitFields(info: Selecting, under: string | undefined, note: (field: FieldNode) => void): void {
  // Fragments that spread others twice would otherwise take a time that doubles with each.
  const visited = new Set<string>();
  const visit = (set: SelectionSetNode | undefined, within: boolean): void => {
    for (const selection of set?.selections ?? []) {
      if (selection.kind === Kind.FRAGMENT_SPREAD) {
        const name = selection.name.value;
        if (visited.has(`${name} ${within}`)) continue;
        visited.add(`${name} ${within}`);
        visit(info.fragments[name]?.selectionSet, within);
      } else if (selection.kind === Kind.INLINE_FRAGMENT) visit(selection.selectionSet, within);
      else {
        if (within) note(selection);
        visit(selection.selectionSet, within || selection.name.value === under);
      }
    }
  };
  for (const node of info.fieldNodes) visit(node.selectionSet, under === undefined);
}

const PART_OF_FIELD: Record<string, Part> = { distinctHosts: 'HOSTS', size: 'SIZE', duration: 'DURATION' };

function note(field: FieldNode, info: Selecting, asked: Set<Part>): void {
  const part = PART_OF_FIELD[field.name.value];
  if (part !== undefined) asked.add(part);
  if (field.name.value !== 'top') return;
  const value = field.arguments?.find((argument) => argument.name.value === 'dimension')?.value;
  if (value?.kind === Kind.ENUM) asked.add(value.value as Part);
  if (value?.kind === Kind.VARIABLE) asked.add(info.variableValues[value.name.value] as Part);
}
