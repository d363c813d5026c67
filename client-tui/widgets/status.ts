import type { AgentCard } from '../../schema/operations/agents.js';
import type { Theme } from '../theme.js';

/** A server's status: a sign that can be told apart without colours, a word, a colour. */
export function statusOf(
  status: AgentCard['status'],
  theme: Theme,
): { sign: string; word: string; colour: string | undefined } {
  switch (status) {
    case 'LIVE':
      return { sign: '●', word: 'LIVE', colour: theme.good };
    case 'IDLE':
      return { sign: '◐', word: 'IDLE', colour: theme.warning };
    case 'OFFLINE':
      return { sign: '○', word: 'OFFLINE', colour: theme.muted };
  }
}
