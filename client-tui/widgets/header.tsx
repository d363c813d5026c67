import { Box, Text } from 'ink';
import type { LinkState } from '../../client/connection/link.js';
import { span } from '../../client/format/times.js';
import { cut, widthOf } from '../format/width.js';
import { type Theme, useTheme } from '../theme.js';

/** A place that can be gone to. */
export interface Tab {
  id: string;
  label: string;
  chosen: boolean;
  firing: boolean;
}

export interface HeaderProps {
  link: LinkState;
  tenant: string;
  tabs: readonly Tab[];
  width: number;
  nowMs: number;
}

/** "Connected again" is news for so long. */
const AGAIN_FOR_MS = 8_000;
const PRODUCT = 'HTTP Logs Monitor';

/** The first line: the product, the places to go to, and how the connection is. */
export function Header({ link, tenant, tabs, width, nowMs }: HeaderProps) {
  const theme = useTheme();
  const state = linkText(link, nowMs, theme);
  const room = Math.max(0, width - 2);
  const news = link.kind === 'connected' && !state.news ? cut(`${tenant} ${state.text}`, room) : cut(state.text, room);
  const product = room - widthOf(news) > PRODUCT.length + 30 ? PRODUCT : 'HLM';
  const left = Math.max(0, room - widthOf(news) - product.length - 3);
  return (
    <Box width={width} paddingX={1}>
      <Box flexGrow={1} overflow="hidden">
        <Text wrap="truncate">
          <Text color={theme.accent} bold>
            {product}
          </Text>
          {'  '}
          {tabsWithin(tabs, left).map((tab) => (
            <Text key={tab.id}>
              <Text
                color={tab.chosen ? theme.accent : tab.firing ? theme.bad : theme.muted}
                bold={tab.chosen}
                inverse={tab.chosen}
              >
                {` ${tab.label}${tab.firing ? ' ▲' : ''} `}
              </Text>
            </Text>
          ))}
        </Text>
      </Box>
      <Text color={state.colour} bold={state.news} wrap="truncate">
        {news}
      </Text>
    </Box>
  );
}

const tabWidth = (tab: Tab): number => widthOf(tab.label) + 2 + (tab.firing ? 2 : 0);

/** The tabs that fit: the first, and those around the chosen one. */
export function tabsWithin(tabs: readonly Tab[], width: number): Tab[] {
  const chosen = Math.max(
    0,
    tabs.findIndex((tab) => tab.chosen),
  );
  const shown = new Set<number>([0, chosen].filter((index) => index < tabs.length));
  let used = [...shown].reduce((sum, index) => sum + tabWidth(tabs[index]!), 0);
  const outwards = tabs.flatMap((_, distance) => [chosen + distance, chosen - distance]);
  for (const index of outwards) {
    const tab = tabs[index];
    if (!tab || shown.has(index)) continue;
    used += tabWidth(tab);
    if (used > width) break;
    shown.add(index);
  }
  return [...shown].sort((a, b) => a - b).map((index) => tabs[index]!);
}

/** How the connection is, in words; `news` where it is not simply there. */
export function linkText(
  link: LinkState,
  nowMs: number,
  theme: Theme,
): { text: string; colour: string | undefined; news: boolean } {
  switch (link.kind) {
    case 'connecting':
      return { text: '◌ connecting…', colour: theme.warning, news: true };
    case 'connected':
      return link.again && nowMs - link.sinceMs < AGAIN_FOR_MS
        ? { text: '● connected again', colour: theme.good, news: true }
        : { text: '● connected', colour: theme.good, news: false };
    case 'lost': {
      const wait = link.retryAtMs === null ? 'now' : `in ${span(Math.ceil((link.retryAtMs - nowMs) / 1_000) * 1_000)}`;
      return { text: `✖ connection lost, retrying ${wait}`, colour: theme.bad, news: true };
    }
    case 'refused':
      return { text: '✖ the token is not accepted', colour: theme.bad, news: true };
  }
}
