import { html, type TemplateResult } from 'lit';
import type { RingSnapshot, RingStatus } from '../../api/snapshot.ts';
import type { RingModel } from './model.ts';
import type { Stage } from './stage.ts';

interface Words {
  readonly head: string;
  readonly text: string;
}

/** What the middle says while there is no ring to count. */
const WORDS: Readonly<Record<Exclude<RingStatus, 'joined' | 'alone'>, Words>> = {
  joining: { head: 'Joining…', text: 'Looking for the other tabs' },
  isolated: { head: 'Cut off', text: 'Other tabs are known, but none of them answers' },
  paused: { head: 'Paused', text: 'The browser has put this page to sleep' },
  left: { head: 'Left', text: 'This tab is not on the ring any more' },
};

const NO_RING: Words = { head: 'No ring yet', text: 'Waiting to join' };

/** The words in the middle of the circle. */
export function renderCentre(
  snapshot: RingSnapshot | undefined,
  model: RingModel | undefined,
  { radiusPx }: Stage,
): TemplateResult {
  return html`<div class="centre" part="centre" style="--_radius: ${radiusPx}px">
    ${renderWords(snapshot, model)}
  </div>`;
}

function renderWords(
  snapshot: RingSnapshot | undefined,
  model: RingModel | undefined,
): TemplateResult {
  const status = snapshot?.status;
  const isOnRing = status === 'joined' || status === 'alone';
  if (isOnRing && model && model.count > 1) {
    return html`<p class="count"><strong>${model.count}</strong> <span>peers</span></p>`;
  }
  if (status === 'alone') {
    return html`<div class="words">
      <slot name="invite"
        ><strong>Just you so far</strong><span>Open this page in a second tab</span></slot
      >
    </div>`;
  }
  const words = status === undefined || isOnRing ? NO_RING : WORDS[status];
  return html`<p class="words"><strong>${words.head}</strong><span>${words.text}</span></p>`;
}
