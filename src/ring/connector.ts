import type { LinkOutbox, PeerId, PeerRef } from '../kernel/machine.ts';
import type { LinkMessage } from './link-message.ts';
import type { LinkEvent, LinkTable } from './link-table.ts';

/**
 * What is to be done once a link is open: `accept` a joiner, tell the predecessor that we joined
 * (`newSucc`), tell a better successor so (`fix`), ask after a lost predecessor (`predQuery`), or
 * only have the link (`keep`).
 */
export type Intent = 'accept' | 'newSucc' | 'fix' | 'predQuery' | 'keep';

/** Peers that are being connected to at a time; more is a sign of a fault elsewhere. */
const WANTED_COUNT_MAX = 64;

type Wanted = { readonly ref: PeerRef; readonly intents: Set<Intent> };
type Out = LinkOutbox<LinkMessage, LinkEvent>;

/** Remembers why links are wanted while they are being made. */
export class Connector {
  readonly #links: LinkTable;
  readonly #wanted = new Map<PeerId, Wanted>();

  constructor(links: LinkTable) {
    this.#links = links;
  }

  /** True when the link is open already; else the intent comes back from `settle`. */
  want(ref: PeerRef, intent: Intent, path: readonly PeerId[], out: Out): boolean {
    const held = this.#links.incarnation(ref.peer);
    if (held !== null && held >= ref.incarnation) return true;
    if (held !== null) this.#links.hangUp(ref.peer, out); // To a former run, which is over.
    const wanted = this.#wanted.get(ref.peer);
    if (wanted) {
      wanted.intents.add(intent);
    } else {
      if (this.#wanted.size >= WANTED_COUNT_MAX) {
        out.count('ring.connectRefused');
        return false;
      }
      this.#wanted.set(ref.peer, { ref, intents: new Set([intent]) });
    }
    this.#links.connect(ref.peer, { path, position: ref.position }, out);
    return false;
  }

  /** The link to `peer` is open, or has failed: what was it for? */
  settle(peer: PeerId): { readonly ref: PeerRef; readonly intents: ReadonlySet<Intent> } | null {
    const wanted = this.#wanted.get(peer) ?? null;
    this.#wanted.delete(peer);
    return wanted;
  }
}
