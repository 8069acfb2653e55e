import type { LitElement } from 'lit';
import type { RingSnapshot } from '../../api/snapshot.ts';
import type { Tabring } from '../../api/tabring.ts';
import { PollController } from '../shared/poll-controller.ts';

/** Often enough to see tabs come and go, as long as the ring is small. */
const PERIOD_MS_MIN = 2_000;
/** A survey is one message per peer: in a large ring the same traffic is spread over more time. */
const PERIOD_MS_PER_PEER = 100;
/** While the ring changes, surveys follow each other no faster than this. */
const PAUSE_MS_MIN = 300;
const PAUSE_MS_PER_PEER = 10;

/**
 * Asks round the ring who is on it: at once when this peer's neighbours have changed, and every few
 * seconds for changes elsewhere. A survey that hangs ends by the deadline every call has.
 */
export class SurveyController {
  readonly #poll: PollController;
  #ring: Tabring | undefined;
  #neighbours = '';
  #peerCount = 1;

  constructor(host: LitElement, onDone: () => void) {
    this.#poll = new PollController(host, {
      work: async signal => {
        await this.#survey(signal);
        onDone();
      },
      delayMs: () => PERIOD_MS_MIN + PERIOD_MS_PER_PEER * this.#peerCount,
      delayMsMin: () => PAUSE_MS_MIN + PAUSE_MS_PER_PEER * this.#peerCount,
    });
  }

  set ring(ring: Tabring | undefined) {
    this.#ring = ring;
    this.#neighbours = '';
    this.#poll.restart();
  }

  /** Asks anew if this peer's surroundings are others than last time; its counters do not matter. */
  notice(snapshot: RingSnapshot): void {
    const { status, self, pred, succ, successors, branch, members } = snapshot;
    const refs = [self, pred, succ, ...successors, ...branch];
    const neighbours = [status, ...refs.map(ref => ref && [ref.peer, ref.incarnation])].join();
    this.#peerCount = Math.max(1, members.length);
    if (neighbours === this.#neighbours) return;
    this.#neighbours = neighbours;
    this.#poll.poke();
  }

  async #survey(signal: AbortSignal): Promise<void> {
    const ring = this.#ring;
    if (ring === undefined || !['joined', 'alone'].includes(ring.status)) return;
    // A ring in motion may lose the question on its way; the next round asks again.
    await ring.survey({ signal }).catch(() => {});
  }
}
