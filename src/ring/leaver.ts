import { toId } from '../kernel/identifier.ts';
import type { PeerId, PeerRef } from '../kernel/machine.ts';
import type { JoinRouter } from './joiner.ts';
import type { LinkTable } from './link-table.ts';
import type { RingLeaveAnswer } from './ring-message.ts';
import type { RingOut } from './ring.ts';
import type { RingState } from './ring-state.ts';

/** Having asked so often, a leaver has neighbours that leave as well: nobody takes anything over. */
const ASK_COUNT_MAX = 6;

/** An unanswered request to leave is repeated after this. */
const RETRY_MS = 700;

/**
 * A graceful leave, the mirror image of a join: the peer whose range begins here takes the range
 * over in one step, then those before are told whom to follow. (Not in Beernet, whose peers crash.)
 */
export class Leaver {
  readonly #state: RingState;
  readonly #links: LinkTable;
  readonly #router: JoinRouter;
  #askCount = 0;

  constructor(state: RingState, links: LinkTable, router: JoinRouter) {
    this.#state = state;
    this.#links = links;
    this.#router = router;
  }

  start(out: RingOut): void {
    const { standing } = this.#state;
    if (standing === 'leaving' || standing === 'handedOver' || standing === 'gone') return;
    if (standing !== 'member' || this.#state.isAlone) return this.#finish(out);
    this.#state.standing = 'leaving';
    this.#ask(out);
  }

  onTimer(out: RingOut): void {
    if (this.#state.standing !== 'leaving') return;
    // Everybody else has gone meanwhile: there is nobody to hand over to.
    if (this.#state.succ.peer === this.#state.self.peer) return this.#finish(out);
    this.#ask(out);
  }

  /** At the leaver: the answer to `ring.leave`. */
  onAnswer(message: RingLeaveAnswer, out: RingOut): void {
    const state = this.#state;
    if (state.standing !== 'leaving') return;
    if (message.type === 'ring.leaveLater') {
      return out.setTimer('ring.leave', Math.min(message.retryMs, 2_000) * (0.5 + out.random()));
    }
    const told = new Set<PeerId>([state.pred.peer, ...state.predList.keys()]);
    told.delete(state.self.peer);
    for (const peer of told) {
      if (this.#links.isOpen(peer)) {
        out.send(peer, { type: 'ring.succLeaving', succ: message.src });
      }
    }
    if (this.#links.isOpen(state.succ.peer)) {
      out.send(state.succ.peer, { type: 'ring.predNoMore' });
    }
    this.#finish(out, message.src);
  }

  /** At the one who takes over. */
  accept(trail: readonly PeerId[], out: RingOut): void {
    this.#router.answer(trail, { type: 'ring.leaveOk', src: this.#state.self }, out);
  }

  refuse(trail: readonly PeerId[], out: RingOut): void {
    this.#router.answer(trail, { type: 'ring.leaveLater', retryMs: 300 }, out);
  }

  #ask(out: RingOut): void {
    const { self, pred } = this.#state;
    this.#askCount += 1;
    // Its store keeps what it had; the others hear a goodbye.
    if (this.#askCount > ASK_COUNT_MAX) return this.#finish(out);
    out.setTimer('ring.leave', RETRY_MS);
    const next = toId(self.position + 1);
    this.#router.sendTo(next, { type: 'ring.leave', src: self, pred }, null, out);
  }

  #finish(out: RingOut, to: PeerRef | null = null): void {
    this.#state.standing = 'handedOver';
    out.clearTimer('ring.leave');
    out.clearTimer('ring.stabilize');
    out.emit({ type: 'ring.handedOver', to });
  }
}
