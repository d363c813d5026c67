import { Text } from 'ink';
import { useTheme } from '../theme.js';

/** What stands where there is nothing to show. */
export function Empty({ text }: { text: string }) {
  const theme = useTheme();
  return (
    <Text color={theme.muted} wrap="truncate">
      {text}
    </Text>
  );
}
