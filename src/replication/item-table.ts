import * as v from 'valibot';
import { utf8Length } from '../kernel/schema.ts';
import type { Placement } from './placement.ts';
import { item as itemSchema, type Item } from './replica-message.ts';
import { compareVersions, type Version } from './version.ts';

type Entry = { readonly item: Item; readonly slot: number; readonly sequence: number };

/** What a peer holds of one item costs this much on top of its key and value. */
const ITEM_OVERHEAD_BYTES = 64;

/**
 * The items a peer holds, each once however many of its slot's cells are the peer's. Every change
 * has a sequence number, and iteration is in that order: whoever copies the table asks for what came
 * after the last number it saw.
 */
export class ItemTable {
  readonly #placement: Placement;
  readonly #entries = new Map<string, Entry>();
  #sequence = 0;
  #bytes = 0;

  constructor(placement: Placement) {
    this.#placement = placement;
  }

  get size(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get sequence(): number {
    return this.#sequence;
  }

  get(key: string): Item | null {
    return this.#entries.get(key)?.item ?? null;
  }

  version(key: string): Version | null {
    return this.#entries.get(key)?.item.version ?? null;
  }

  /** Keeps the item unless the one here is as new; true when something changed. */
  put(item: Item): boolean {
    const known = this.#entries.get(item.key);
    if (known && compareVersions(known.item.version, item.version) >= 0) return false;
    this.remove(item.key);
    this.#sequence += 1;
    const slot = known?.slot ?? this.#placement.slotOf(item.key);
    this.#entries.set(item.key, { item, slot, sequence: this.#sequence });
    this.#bytes += itemBytes(item);
    return true;
  }

  remove(key: string): boolean {
    const known = this.#entries.get(key);
    if (!known) return false;
    this.#bytes -= itemBytes(known.item);
    return this.#entries.delete(key);
  }

  /** Items of slots that `isIn` accepts, changed after `since`, oldest change first. */
  *changes(isIn: (slot: number) => boolean, since = 0): Iterable<Entry> {
    for (const entry of this.#entries.values()) {
      if (entry.sequence > since && isIn(entry.slot)) yield entry;
    }
  }

  /** Equal for tables that hold the same versions of these slots' items, whatever their order. */
  digest(isIn: (slot: number) => boolean): string {
    let high = 0;
    let low = 0;
    let count = 0;
    for (const { item, slot } of this.#entries.values()) {
      if (!isIn(slot)) continue;
      const { counter, writer, incarnation } = item.version;
      const text = `${item.key}\u0000${counter}.${writer}.${incarnation}`;
      high ^= hash(text, 0x811c9dc5);
      low ^= hash(text, 0x01000193);
      count += 1;
    }
    return `${count}.${(high >>> 0).toString(36)}.${(low >>> 0).toString(36)}`;
  }
}

/** The size of an item in messages and on disk, about. */
export function itemBytes(item: Item): number {
  return ITEM_OVERHEAD_BYTES + utf8Length(item.key) + (item.value?.length ?? 0);
}

/** An item as it was written to the store, or null for what no peer of ours wrote. */
export function parseItem(value: unknown): Item | null {
  const parsed = v.safeParse(itemSchema, value);
  return parsed.success ? parsed.output : null;
}

/** FNV-1a, with a last mixing so that the XOR of many spreads. */
function hash(text: string, seed: number): number {
  let state = seed;
  for (let i = 0; i < text.length; i++) {
    state = Math.imul(state ^ text.charCodeAt(i), 0x01000193);
  }
  state = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
  return state ^ (state >>> 13);
}
