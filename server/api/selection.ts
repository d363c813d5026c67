import type { FieldNode, GraphQLResolveInfo, SelectionSetNode } from 'graphql';
import { Kind } from 'graphql';
import { DIMENSIONS, type Dimension } from '../core/windows/window.js';

type Selecting = Pick<GraphQLResolveInfo, 'fieldNodes' | 'fragments' | 'variableValues'>;

/** The dimensions whose tops are asked for below a field (within `under` where given), so that only their columns are read. */
export function dimensionsAsked(info: Selecting, under?: string): Dimension[] {
  const asked = new Set<Dimension>();
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
        if (within) note(selection, info, asked);
        visit(selection.selectionSet, within || selection.name.value === under);
      }
    }
  };
  for (const node of info.fieldNodes) visit(node.selectionSet, under === undefined);
  return DIMENSIONS.filter((dimension) => asked.has(dimension));
}

function note(field: FieldNode, info: Selecting, asked: Set<Dimension>): void {
  if (field.name.value === 'distinctHosts') asked.add('HOST');
  if (field.name.value !== 'top') return;
  const value = field.arguments?.find((argument) => argument.name.value === 'dimension')?.value;
  if (value?.kind === Kind.ENUM) asked.add(value.value as Dimension);
  if (value?.kind === Kind.VARIABLE) asked.add(info.variableValues[value.name.value] as Dimension);
}
