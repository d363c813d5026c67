import { Text } from 'ink';
import { safeText } from '../../client/format/safe-text.js';
import { useTheme } from '../theme.js';

/** A text being typed to search for. */
export function SearchLine({ text }: { text: string }) {
  const theme = useTheme();
  return (
    <Text wrap="truncate">
      <Text color={theme.accent} bold>
        /
      </Text>
      {safeText(text)}
      <Text inverse> </Text>
    </Text>
  );
}
