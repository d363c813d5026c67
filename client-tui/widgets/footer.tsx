import { Text } from 'ink';
import type { Notice } from '../../client/feeds/context.js';
import { safeText } from '../../client/format/safe-text.js';
import { cut, widthOf } from '../format/width.js';
import { hints, type Scope } from '../keys.js';
import { useTheme } from '../theme.js';

/** The last line: what can be pressed here, or what there is to say. */
export function Footer({ scope, notice, width }: { scope: Scope; notice: Notice | null; width: number }) {
  const theme = useTheme();
  if (notice) {
    return (
      <Text color={notice.bad ? theme.bad : theme.good} bold wrap="truncate">
        {cut(` ${safeText(notice.text)}`, width)}
      </Text>
    );
  }
  return (
    <Text wrap="truncate">
      {hintsWithin(scope, width - 2).map(({ shown, hint }) => (
        <Text key={hint}>
          {'  '}
          <Text color={theme.accent} bold>
            {shown}
          </Text>
          <Text color={theme.muted}> {hint}</Text>
        </Text>
      ))}
    </Text>
  );
}

/** The hints that fit; help and quit always. */
function hintsWithin(scope: Scope, width: number): { shown: string; hint: string }[] {
  const all = hints(scope);
  const size = (each: { shown: string; hint: string }) => widthOf(each.shown) + widthOf(each.hint) + 3;
  const always = all.slice(-2);
  let room = width - always.reduce((sum, each) => sum + size(each), 0);
  const kept = all.slice(0, -2).filter((each) => {
    room -= size(each);
    return room >= 0;
  });
  return [...kept, ...always];
}
