import type { Connection } from '../../schema/types/page.type.js';

/**
 * A page of a list, from one row more than it shows: that one tells whether more follow.
 *
 * @param isFirst whether it begins at the list's beginning
 */
export function pageOf<Node extends object>(
  rows: readonly Node[],
  { size, isFirst, cursorOf }: { size: number; isFirst: boolean; cursorOf: (node: Node) => string },
): Connection<Node> {
  const nodes = rows.slice(0, size);
  const edges = nodes.map((node) => ({ node, cursor: cursorOf(node) }));
  const pageInfo = {
    hasNextPage: rows.length > size,
    hasPreviousPage: !isFirst,
    startCursor: edges[0]?.cursor ?? null,
    endCursor: edges.at(-1)?.cursor ?? null,
  };
  return { edges, nodes, pageInfo };
}
