import { html, LitElement, nothing, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { RingSnapshot, RingStatus } from '../../api/snapshot.ts';
import type { Tabring } from '../../api/tabring.ts';
import type { TabringError, TabringErrorCode } from '../../kernel/errors.ts';
import type { JoinState } from '../shared/context.ts';
import { describeError } from '../shared/error-text.ts';
import { RingController } from '../shared/ring-controller.ts';
import { controls, theme } from '../shared/theme.ts';
import { styles } from './ring-status.styles.ts';

const WORDS: Readonly<Record<RingStatus | JoinState, string>> = {
  idle: 'No ring',
  failed: 'Not joined',
  joining: 'Joining…',
  joined: 'On the ring',
  alone: 'Alone on the ring',
  isolated: 'Cut off from the others',
  paused: 'Paused',
  left: 'Left the ring',
};

/**
 * The peer's standing in a few words, what this page cannot do, and problems that no call tells of.
 *
 * @summary The peer's status and its problems.
 * @csspart status - The status in words.
 * @csspart problem - One problem, which the user can put away.
 * @csspart caveat - Something this page cannot do.
 * @cssprop --tabring-surface - Background of buttons.
 * @cssprop --tabring-muted - Text that matters less.
 * @cssprop --tabring-peer - The mark of a good status.
 * @cssprop --tabring-suspect - The mark of a bad one, and of problems.
 */
@customElement('ring-status')
export class RingStatusElement extends LitElement {
  static override styles = [theme, controls, styles];

  readonly #source = new RingController(this, {
    listeners: {
      statuschange: () => this.requestUpdate(),
      problem: ({ error }) => this.#report(error),
    },
    onRing: ring => {
      this.#problems.clear();
      this.#platform = ring?.snapshot().platform; // A page does not become another one.
    },
  });
  #platform: RingSnapshot['platform'] | undefined;
  /** The latest of each code: a problem that goes on is one problem. */
  readonly #problems = new Map<TabringErrorCode, TabringError>();

  /** The ring to show; by default that of the enclosing `<tab-ring>`. */
  @property({ attribute: false })
  get ring(): Tabring | undefined {
    return this.#source.ring;
  }
  set ring(ring: Tabring | undefined) {
    this.#source.own = ring;
  }

  protected override render(): TemplateResult {
    const status = this.ring?.status ?? this.#source.joinState ?? 'idle';
    return html`<p class="status ${status}" part="status" role="status">
        <span class="mark" aria-hidden="true"></span>${WORDS[status]}
      </p>
      ${[...this.#problems.values()].map(error => this.#renderProblem(error))}
      ${this.#platform ? renderCaveats(this.#platform) : nothing}`;
  }

  #renderProblem(error: TabringError): TemplateResult {
    const { title, advice } = describeError(error);
    return html`<div class="problem" part="problem" role="alert">
      <div><strong>${title}.</strong> ${advice} <small>${error.message}</small></div>
      <button
        type="button"
        aria-label=${`Put away: ${title}`}
        @click=${() => this.#putAway(error.code)}
      >
        OK
      </button>
    </div>`;
  }

  #report(error: TabringError): void {
    this.#problems.set(error.code, error);
    this.requestUpdate();
  }

  #putAway(code: TabringErrorCode): void {
    this.#problems.delete(code);
    this.requestUpdate();
  }
}

function renderCaveats(platform: RingSnapshot['platform']): TemplateResult {
  const caveats = [
    ...(platform.storage === 'memory'
      ? ['Copies are kept in memory: they are gone when this tab closes.']
      : []),
    ...(platform.hasWebLocks
      ? []
      : ['This page is not secure (no HTTPS): closed tabs of this browser are noticed late.']),
  ];
  return html`${caveats.map(text => html`<p class="caveat" part="caveat">${text}</p>`)}`;
}

declare global {
  interface HTMLElementTagNameMap {
    'ring-status': RingStatusElement;
  }
}
