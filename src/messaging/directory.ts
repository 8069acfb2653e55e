import { idOf, SPACE, toId, type Id } from '../kernel/identifier.ts';
import type { Outbox, PeerId, PeerRef } from '../kernel/machine.ts';
import { REFS_MAX } from '../kernel/schema.ts';
import type { RingState } from '../ring/ring-state.ts';
import type { Delivery, RequestOptions } from '../routing/router.ts';
import type { DirectoryRecords, DirectoryRequest, DirectoryRouted } from './messaging-message.ts';

export type DirectoryConfig = {
  /** How often a peer says where it is. */
  readonly publishMs: number;
  /** A record that was not refreshed for three rounds is of a peer that is gone. */
  readonly recordMs: number;
  readonly requestMs: number;
  /** Found records are believed this long. */
  readonly cacheMs: number;
  readonly recordCountMax: number;
};

export const DIRECTORY_CONFIG: DirectoryConfig = {
  publishMs: 30_000,
  recordMs: 100_000,
  requestMs: 4_000,
  cacheMs: 10_000,
  recordCountMax: 10_000,
};

export interface DirectoryRouter {
  request(
    key: Id,
    payload: DirectoryRequest,
    options: RequestOptions,
    onAnswer: (answer: DirectoryRouted | null) => void,
  ): void;
  answer(to: Omit<Delivery<DirectoryRouted>, 'key'>): void;
}

type Record = { readonly ref: PeerRef; readonly untilMs: number };
type Out = Outbox<DirectoryRecords, never>;

/**
 * Where a peer is, by its name: soft state at the peers responsible for the identifier of the name
 * and its symmetric points. It goes along when a range is handed on; what is lost with a peer comes
 * back with the next round. (The name-based communication of the sources.)
 */
export class Directory {
  readonly #ring: RingState;
  readonly #router: DirectoryRouter;
  readonly #config: DirectoryConfig;
  readonly #records = new Map<PeerId, Record>();
  readonly #cache = new Map<PeerId, Record>();

  constructor(
    ring: RingState,
    router: DirectoryRouter,
    config: DirectoryConfig = DIRECTORY_CONFIG,
  ) {
    this.#ring = ring;
    this.#router = router;
    this.#config = config;
  }

  get recordCount(): number {
    return this.#records.size;
  }

  /** Says where this peer is, now and from now on. */
  publish(out: Out): void {
    const { publishMs, requestMs } = this.#config;
    out.setTimer('directory.publish', publishMs * (0.75 + out.random() / 2));
    this.#expire(out);
    const { self, terms } = this.#ring;
    if (!terms || this.#ring.standing !== 'member') return;
    for (const point of points(self.peer, terms.degree)) {
      const publish: DirectoryRequest = { type: 'directory.publish', ref: self };
      this.#router.request(point, publish, { timeoutMs: requestMs }, () => {
        // Unanswered: the next round tries again.
      });
    }
  }

  /** The newest record that any of the points has; null when none has one. */
  resolve(peer: PeerId, onFound: (ref: PeerRef | null) => void, out: Out): void {
    const { terms, self } = this.#ring;
    if (peer === self.peer) return onFound(self);
    const cached = this.#cache.get(peer);
    if (cached && cached.untilMs > out.now) return onFound(cached.ref);
    const all = points(peer, terms?.degree ?? 1);
    let openCount = all.length;
    let newest: PeerRef | null = null;
    for (const point of all) {
      this.#router.request(
        point,
        { type: 'directory.resolve', peer },
        { timeoutMs: this.#config.requestMs },
        answer => {
          openCount -= 1;
          const ref = answer?.type === 'directory.resolveOk' ? answer.ref : null;
          if (ref?.peer === peer && (!newest || newest.incarnation < ref.incarnation)) newest = ref;
          if (openCount > 0) return;
          if (newest) this.#remember(this.#cache, newest, this.#config.cacheMs, out);
          onFound(newest);
        },
      );
    }
  }

  onDelivery({ payload, trail, request }: Delivery<DirectoryRouted>, out: Out): void {
    if (payload.type === 'directory.publish') {
      this.#record(payload.ref, out);
      this.#router.answer({ trail, request, payload: { type: 'directory.publishOk' } });
    } else if (payload.type === 'directory.resolve') {
      const record = this.#records.get(payload.peer);
      const ref = record && record.untilMs > out.now ? record.ref : null;
      this.#router.answer({ trail, request, payload: { type: 'directory.resolveOk', ref } });
    } else {
      out.count('directory.strangeDelivery'); // An answer nobody asked for.
    }
  }

  /** Part of the range is `pred`'s now: so are the records of the names in it. */
  onRangeLost(pred: PeerRef, out: Out): void {
    const { terms } = this.#ring;
    if (!terms) return;
    const moved: PeerRef[] = [];
    for (const { ref } of this.#records.values()) {
      const isElsewhere = points(ref.peer, terms.degree).some(id => !this.#ring.isResponsible(id));
      if (isElsewhere) moved.push(ref);
    }
    for (let i = 0; i < moved.length; i += REFS_MAX) {
      const refs = moved.slice(i, i + REFS_MAX);
      out.send(pred.peer, { type: 'directory.records', refs });
    }
  }

  onRecords({ refs }: DirectoryRecords, out: Out): void {
    for (const ref of refs) this.#record(ref, out);
  }

  #record(ref: PeerRef, out: Out): void {
    const known = this.#records.get(ref.peer);
    if (known && known.ref.incarnation > ref.incarnation) return; // Of a former run.
    this.#remember(this.#records, ref, this.#config.recordMs, out);
  }

  #remember(records: Map<PeerId, Record>, ref: PeerRef, forMs: number, out: Out): void {
    records.delete(ref.peer);
    records.set(ref.peer, { ref, untilMs: out.now + forMs });
    if (records.size <= this.#config.recordCountMax) return;
    const oldest = records.keys().next().value; // It comes back with its peer's next round.
    if (oldest !== undefined) records.delete(oldest);
  }

  #expire(out: Out): void {
    for (const records of [this.#records, this.#cache]) {
      for (const [peer, { untilMs }] of records) if (untilMs <= out.now) records.delete(peer);
    }
  }
}

function points(peer: PeerId, degree: number): Id[] {
  const first = idOf(peer);
  return Array.from({ length: degree }, (_, j) => toId(first + (j * SPACE) / degree));
}
