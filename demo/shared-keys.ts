/** A list that all tabs of this browser have in common. */
export interface SharedList {
  read(): readonly string[];
  write(list: readonly string[]): void;
  /** Calls back when another tab has changed the list. */
  onChange(listener: (list: readonly string[]) => void): void;
}

/**
 * The names of the keys used in this browser. Only the names: a ring has no list of its keys, and the
 * values come from the ring. Where the browser refuses storage, each tab has a list of its own.
 */
export function sharedKeys(network: string, initial: readonly string[]): SharedList {
  const place = `tabring-demo keys ${network}`;
  const read = (): readonly string[] => {
    try {
      return parse(localStorage.getItem(place)) ?? initial;
    } catch {
      return initial; // Storage is refused.
    }
  };
  return {
    read,
    write: list => {
      try {
        localStorage.setItem(place, JSON.stringify(list));
      } catch {
        // Storage is refused or full: the other tabs go without.
      }
    },
    onChange: listener =>
      addEventListener('storage', event => {
        if (event.key === place) listener(read());
      }),
  };
}

/** What was stored may be of an older version of this page, or of another page of this origin. */
function parse(text: string | null): readonly string[] | undefined {
  if (text === null) return undefined;
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) ? list.filter(key => typeof key === 'string') : undefined;
  } catch {
    return undefined;
  }
}
