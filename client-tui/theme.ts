import { createContext, useContext } from 'react';

/** What a colour means, never what it is: the terminal's own sixteen, so that the user's palette holds. */
export interface Theme {
  /** The product's name, what is chosen, what can be pressed. */
  accent: string | undefined;
  heading: string | undefined;
  /** Labels, units, what is not the point. */
  muted: string | undefined;
  border: string | undefined;
  good: string | undefined;
  warning: string | undefined;
  bad: string | undefined;
  bar: string | undefined;
  /** The part of a bar above the threshold. */
  barHigh: string | undefined;
  /** A window that is still filling. */
  barFilling: string | undefined;
  threshold: string | undefined;
  informational: string | undefined;
  success: string | undefined;
  redirection: string | undefined;
  clientError: string | undefined;
  serverError: string | undefined;
  /** False under NO_COLOR: nothing may be told by colour alone. */
  colours: boolean;
}

const coloured: Theme = {
  accent: 'cyan',
  heading: 'whiteBright',
  muted: 'gray',
  border: 'gray',
  good: 'green',
  warning: 'yellow',
  bad: 'red',
  bar: 'cyan',
  barHigh: 'red',
  barFilling: 'blue',
  threshold: 'yellow',
  informational: 'gray',
  success: 'green',
  redirection: 'cyan',
  clientError: 'yellow',
  serverError: 'red',
  colours: true,
};

const plain = Object.fromEntries(Object.keys(coloured).map((name) => [name, undefined])) as unknown as Theme;

/** Colours, unless NO_COLOR is set and not empty (no-color.org). */
export function themeOf(env: Readonly<Record<string, string | undefined>>): Theme {
  return env.NO_COLOR ? { ...plain, colours: false } : coloured;
}

export const ThemeContext = createContext<Theme>(coloured);
export const useTheme = (): Theme => useContext(ThemeContext);
