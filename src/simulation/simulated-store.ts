import type { Change } from '../kernel/machine.ts';
import type { Value } from '../kernel/value.ts';

type Row = { readonly table: Change['table']; readonly key: string; readonly value: Value };

/** A peer's disk: what is on it survives a crash, what was under way does not. */
export class SimulatedStore {
  readonly #rows = new Map<string, Row>();
  #incarnation = 0;

  /** Opens it once more: the incarnation, and all that was durable. */
  open(): { readonly incarnation: number; readonly records: readonly Row[] } {
    this.#incarnation += 1;
    return { incarnation: this.#incarnation, records: [...this.#rows.values()] };
  }

  /** Makes the changes durable, all of them. */
  commit(changes: readonly Change[]): void {
    for (const { table, key, value } of changes) {
      const name = `${table}/${key}`;
      if (value === undefined) this.#rows.delete(name);
      else this.#rows.set(name, { table, key, value });
    }
  }

  get recordCount(): number {
    return this.#rows.size;
  }
}
