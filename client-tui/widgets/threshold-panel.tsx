import { Text } from 'ink';
import { safeText } from '../../client/format/safe-text.js';
import { durationMs, span } from '../../client/format/times.js';
import { metricOf, signOf, thresholdOf, unitOf } from '../../client/model/rules.js';
import type { AlertRuleCard } from '../../schema/operations/alerts.js';
import { hints } from '../keys.js';
import type { Editing } from '../model/screen.js';
import { useTheme } from '../theme.js';
import { type Frame, Panel } from './panel.js';

export interface ThresholdPanelProps {
  rule: AlertRuleCard;
  editing: Editing;
  several: boolean;
  frame: Frame;
  width: number;
  height: number;
}

/** A number being typed for a rule, and what is wrong with it. */
export function ThresholdPanel({ rule, editing, several, frame, width, height }: ThresholdPanelProps) {
  const theme = useTheme();
  const whom = rule.agentIds.length === 0 ? 'all servers' : `${rule.agentIds.length} named`;
  const keys = hints('threshold').filter(({ hint }) => several || hint !== 'next rule');
  return (
    <Panel
      title="Threshold"
      detail={`now ${thresholdOf(rule)} · ${whom}${rule.enabled ? '' : ' · the rule is off'}`}
      frame={frame}
      width={width}
      height={height}
    >
      <Text wrap="truncate">
        <Text bold>{safeText(rule.name)}</Text>
        <Text color={theme.muted}>
          {'  '}
          {metricOf(rule)} over {span(durationMs(rule.window))} {signOf(rule)}{' '}
        </Text>
        <Text color={theme.threshold} bold>
          {safeText(editing.text)}
        </Text>
        <Text inverse> </Text>
        <Text color={theme.muted}>{unitOf(rule)}</Text>
      </Text>
      {editing.problem ? (
        <Text color={theme.bad} wrap="truncate">
          {safeText(editing.problem)}
        </Text>
      ) : (
        <Text color={theme.muted} wrap="truncate">
          {editing.saving ? 'saving…' : keys.map(({ shown, hint }) => `${shown} ${hint}`).join('   ')}
        </Text>
      )}
    </Panel>
  );
}
