import { useCallback } from 'react';
import { describeFailure } from '../../client/connection/describe.js';
import { notify } from '../../client/feeds/context.js';
import { parseThreshold, thresholdOf } from '../../client/model/rules.js';
import type { AlertRuleCard } from '../../schema/operations/alerts.js';
import type { Feeds } from '../feeds/feeds.js';
import type { Action } from '../keys.js';
import { type Editing, typed } from '../model/screen.js';
import type { ChangeScreen } from './use-screen.js';

/** A server's threshold, typed and saved: what keys do while it is open. */
export function useThreshold(feeds: Feeds, change: ChangeScreen) {
  const begin = useCallback(
    (rules: readonly AlertRuleCard[]) => {
      const rule = rules[0];
      if (!rule) notify(feeds.context, 'no alert rule watches this server', true);
      else change((held) => ({ ...held, editing: editingOf(rule.id) }));
    },
    [feeds, change],
  );

  const save = useCallback(
    async (editing: Editing) => {
      const set = (next: Partial<Editing>) =>
        change((held) =>
          held.editing?.ruleId === editing.ruleId ? { ...held, editing: { ...held.editing, ...next } } : held,
        );
      const parsed = parseThreshold(editing.text);
      if ('problem' in parsed) {
        set({ problem: parsed.problem });
        return;
      }
      set({ saving: true, problem: null });
      try {
        const rule = await feeds.alerts.setThreshold(editing.ruleId, parsed.value);
        change((held) => (held.editing?.ruleId === editing.ruleId ? { ...held, editing: null } : held));
        notify(feeds.context, `${rule.name}: the threshold is ${thresholdOf(rule)} now`);
      } catch (error) {
        set({ saving: false, problem: describeFailure(error) });
      }
    },
    [feeds, change],
  );

  const press = useCallback(
    (editing: Editing, action: Action | undefined, name: string, rules: readonly AlertRuleCard[]) => {
      if (action === 'cancel') change((held) => ({ ...held, editing: null }));
      else if (editing.saving) return;
      else if (action === 'accept') void save(editing);
      else if (action === 'next' || action === 'previous') {
        const index = rules.findIndex((rule) => rule.id === editing.ruleId) + (action === 'next' ? 1 : -1);
        const rule = rules[(index + rules.length) % rules.length];
        if (rule) change((held) => ({ ...held, editing: editingOf(rule.id) }));
      } else {
        change((held) =>
          held.editing
            ? { ...held, editing: { ...held.editing, text: typed(held.editing.text, name), problem: null } }
            : held,
        );
      }
    },
    [change, save],
  );

  return { begin, press };
}

const editingOf = (ruleId: string): Editing => ({ ruleId, text: '', problem: null, saving: false });
