import { html, type TemplateResult } from 'lit';
import { styleMap } from 'lit/directives/style-map.js';
import type { RingSnapshot, RingStatus } from '../../api/snapshot.ts';
import type { JoinState } from '../shared/context.ts';
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

/** What it says while there is not even a peer, by what the enclosing `<tab-ring>` is doing. */
const WORDS_BEFORE: Readonly<Record<JoinState | 'none', Words>> = {
  none: { head: 'No ring', text: 'Put this inside a <tab-ring>' },
  idle: WORDS.joining,
  joining: WORDS.joining,
  joined: WORDS.joining,
  failed: { head: 'Not joined', text: 'This tab could not get onto the ring' },
  left: WORDS.left,
};

export interface CentreOptions {
  readonly model: RingModel | undefined;
  readonly stage: Stage;
  readonly joinState: JoinState | undefined;
}

/** The words in the middle of the circle. */
export function renderCentre(
  snapshot: RingSnapshot | undefined,
  { model, stage: { radiusPx }, joinState }: CentreOptions,
): TemplateResult {
  return html`<div class="centre" part="centre" style=${styleMap({ '--_radius': `${radiusPx}px` })}>
    ${renderWords(snapshot, model, joinState)}
  </div>`;
}

function renderWords(
  snapshot: RingSnapshot | undefined,
  model: RingModel | undefined,
  joinState: JoinState | undefined,
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
  const words =
    status === undefined || isOnRing ? WORDS_BEFORE[joinState ?? 'none'] : WORDS[status];
  return html`<p class="words"><strong>${words.head}</strong><span>${words.text}</span></p>`;
}
