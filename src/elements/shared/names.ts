const NAME_LENGTH_MIN = 4;
const NAME_LENGTH_MAX = 8;

/**
 * The first characters of a peer's identity, to call it by. An identity comes from the network and
 * may hold anything: what cannot be seen, or would turn the text around it, becomes a dot.
 */
export function shortName(id: string, length: number = NAME_LENGTH_MIN): string {
  return Array.from(id)
    .slice(0, length)
    .join('')
    .replace(/[\p{C}\p{Z}]/gu, '·');
}

/** Names of equal length that tell these peers apart, as short as that allows. */
export function shortNames<T extends string>(ids: readonly T[]): ReadonlyMap<T, string> {
  for (let length = NAME_LENGTH_MIN; ; length++) {
    const names = new Map(ids.map(id => [id, shortName(id, length)]));
    const isUnique = new Set(names.values()).size === names.size;
    if (isUnique || length === NAME_LENGTH_MAX) return names;
  }
}
