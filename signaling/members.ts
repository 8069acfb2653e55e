/** A member as the rendezvous knows it. */
export type Member = {
  heardAt: number;
  /** Newcomers that could not reach it lately. */
  failureCount: number;
  failedAt: number;
};

type PickOptions = {
  readonly asker: string;
  readonly now: number;
  readonly random: () => number;
  readonly contactCountMax: number;
  readonly freshMs: number;
  readonly failureMs: number;
};

/**
 * A few members to contact, the most promising first: those that nobody failed to reach, then those
 * heard lately. Among equals the choice is random, so that newcomers do not all knock at one door.
 */
export function pickMembers(
  members: ReadonlyMap<string, Member>,
  { asker, now, random, contactCountMax, freshMs, failureMs }: PickOptions,
): readonly string[] {
  const ranked = [...members]
    .filter(([id]) => id !== asker)
    .map(([id, member]) => ({
      id,
      failureCount: now - member.failedAt > failureMs ? 0 : member.failureCount,
      staleness: Math.floor((now - member.heardAt) / freshMs),
      lot: random(),
    }));
  ranked.sort(
    (a, b) => a.failureCount - b.failureCount || a.staleness - b.staleness || a.lot - b.lot,
  );
  return ranked.slice(0, contactCountMax).map(({ id }) => id);
}

/** Removes the latest entry for which `isEvictable` holds; false if there is none. */
export function evict<Value>(
  entries: Map<string, Value>,
  isEvictable: (value: Value) => boolean,
): boolean {
  const id = [...entries].findLast(([, value]) => isEvictable(value))?.[0];
  return id !== undefined && entries.delete(id);
}
