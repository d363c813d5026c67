/** What an entry's text fields mean, the same for the agent that shows them and the server that counts them. */

/** Method, path and section of a request line that is none (empty, `-`, TLS bytes). */
export const NONE = '(none)';

const ABSOLUTE_FORM = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#]*/;

export interface SplitTarget {
  /** Without query, fragment, scheme and host. */
  path: string;
  /** Between `?` and `#`; null where there is none. */
  query: string | null;
}

/**
 * Splits a request target (RFC 9112 §3.2) into path and query.
 *
 * A target in absolute form loses scheme and host (`http://h` alone gives `/`); other forms (`*`, `host:443`) are
 * their own path.
 */
export function splitTarget(target: string): SplitTarget {
  let rest = target;
  if (rest.charCodeAt(0) !== 47) {
    const absolute = ABSOLUTE_FORM.exec(rest);
    if (absolute) {
      rest = rest.slice(absolute[0].length);
      if (rest.charCodeAt(0) !== 47) rest = `/${rest}`;
    }
  }
  const fragmentAt = rest.indexOf('#');
  const bare = fragmentAt < 0 ? rest : rest.slice(0, fragmentAt);
  const queryAt = bare.indexOf('?');
  return queryAt < 0 ? { path: bare, query: null } : { path: bare.slice(0, queryAt), query: bare.slice(queryAt + 1) };
}

/** The section of a path: `/` and the text up to its second slash (`/api/user` → `/api`); another path is its own. */
export function sectionOf(path: string): string {
  if (path.charCodeAt(0) !== 47) return path;
  const secondSlash = path.indexOf('/', 1);
  return secondSlash < 0 ? path : path.slice(0, secondSlash);
}
