import { inOpenClosed } from '../kernel/identifier.ts';
import type { Outbox, PeerId } from '../kernel/machine.ts';
import type { LinkTable } from '../ring/link-table.ts';
import type { RingState } from '../ring/ring-state.ts';
import { SURVEY_MEMBERS_MAX, type SurveyMember, type SurveyVisit } from './messaging-message.ts';

type OnMembers = (members: readonly SurveyMember[] | null) => void;
type Open = { readonly deadlineMs: number; readonly onMembers: OnMembers };
type Out = Outbox<SurveyVisit, never>;

/**
 * Asks around the ring who is on it: one message goes from successor to successor and gathers what
 * each says of itself. For views of the whole ring; nothing else depends on it. Peers in a branch
 * are nobody's successor, and are not met.
 */
export class Survey {
  readonly #ring: RingState;
  readonly #links: LinkTable;
  readonly #itemCount: () => number;
  readonly #open = new Map<number, Open>();
  #nextSurvey = 1;

  constructor(ring: RingState, links: LinkTable, itemCount: () => number) {
    this.#ring = ring;
    this.#links = links;
    this.#itemCount = itemCount;
  }

  /** Null when the ring has a hole just now, or the time was up. */
  start(timeoutMs: number, onMembers: OnMembers, out: Out): void {
    const ring = this.#ring;
    if (ring.standing !== 'member') return onMembers(null);
    if (ring.isAlone) return onMembers([this.#describe()]);
    const survey = this.#nextSurvey++;
    this.#open.set(survey, { deadlineMs: out.now + timeoutMs, onMembers });
    out.setTimer('survey.expire', timeoutMs);
    const visit = { origin: ring.self, survey, members: [this.#describe()] };
    this.#pass({ type: 'survey.visit', ...visit }, out);
  }

  onMessage(_from: PeerId, visit: SurveyVisit, out: Out): void {
    const ring = this.#ring;
    if (visit.origin.peer === ring.self.peer) {
      this.#open.get(visit.survey)?.onMembers(visit.members);
      return void this.#open.delete(visit.survey);
    }
    if (ring.standing !== 'member' || visit.members.length >= SURVEY_MEMBERS_MAX) {
      return out.count('survey.dropped');
    }
    this.#pass({ ...visit, members: [...visit.members, this.#describe()] }, out);
  }

  onTimer(out: Out): void {
    let nextMs = Infinity;
    for (const [survey, { deadlineMs, onMembers }] of [...this.#open]) {
      if (deadlineMs > out.now) {
        nextMs = Math.min(nextMs, deadlineMs);
        continue;
      }
      this.#open.delete(survey);
      onMembers(null);
    }
    if (nextMs < Infinity) out.setTimer('survey.expire', nextMs - out.now);
  }

  #pass(visit: SurveyVisit, out: Out): void {
    const { self, succ } = this.#ring;
    const isRound =
      succ.peer !== visit.origin.peer &&
      inOpenClosed(visit.origin.position, self.position, succ.position) &&
      self.peer !== visit.origin.peer;
    // The origin is between us and our successor: we do not know of it yet, but may have a link.
    const next = isRound ? visit.origin.peer : succ.peer;
    if (this.#links.isOpen(next)) out.send(next, visit);
    else out.count('survey.dropped');
  }

  #describe(): SurveyMember {
    const { self, pred, succ } = this.#ring;
    return { ref: self, pred, succ, items: this.#itemCount() };
  }
}
