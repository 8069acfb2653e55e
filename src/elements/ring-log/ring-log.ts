import { html, LitElement, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { repeat } from 'lit/directives/repeat.js';
import type { TraceEntry } from '../../api/events.ts';
import type { Tabring } from '../../api/tabring.ts';
import { Frame } from '../shared/frame.ts';
import { RingController } from '../shared/ring-controller.ts';
import { controls, theme } from '../shared/theme.ts';
import { styles } from './ring-log.styles.ts';

/** Topics of the ring's own trace, and two of the log's: changes of status, and problems. */
const TOPICS = [
  'status',
  'ring',
  'link',
  'detector',
  'store',
  'bootstrap',
  'lifecycle',
  'problem',
] as const satisfies readonly (TraceEntry['topic'] | 'status' | 'problem')[];

type Topic = (typeof TOPICS)[number];

interface Line {
  readonly number: number;
  readonly atMs: number;
  readonly topic: Topic;
  readonly text: string;
}

/** Lines kept by default: enough to look back at what led to something. */
const LINES_MAX = 300;
/** This near to the end counts as reading along. */
const FOLLOW_PX = 24;

/**
 * A log of what the peer does: its trace, its problems and the changes of its status. It follows the
 * newest line for as long as the reader has not scrolled away from it.
 *
 * @summary A running log of what the peer does.
 * @csspart filters - The buttons that show and hide topics.
 * @csspart lines - The list of lines, which scrolls.
 * @csspart line - One line.
 * @cssprop --tabring-surface - Background of buttons.
 * @cssprop --tabring-ink - Text.
 * @cssprop --tabring-muted - Times and topics.
 * @cssprop --tabring-line - Hairlines.
 * @cssprop --tabring-tint - Background of the lines.
 * @cssprop --tabring-suspect - Problems.
 * @cssprop --tabring-focus - The mark of keyboard focus.
 */
@customElement('ring-log')
export class RingLog extends LitElement {
  static override styles = [theme, controls, styles];

  /** How many lines are kept; older ones are dropped. */
  @property({ type: Number, attribute: 'lines-max' }) linesMax = LINES_MAX;

  /** While paused, nothing moves; what happens meanwhile is shown afterwards. */
  @property({ type: Boolean, reflect: true }) paused = false;

  readonly #source = new RingController(this, {
    listeners: {
      trace: ({ entry }) => this.#add(entry),
      problem: ({ error }) => this.#note('problem', `${error.code}: ${error.message}`),
      statuschange: ({ status }) => this.#note('status', status),
    },
    onRing: ring => {
      if (ring) this.#note('status', `${ring.status}, network “${ring.network}”`);
    },
  });
  readonly #frame = new Frame(() => this.requestUpdate());
  readonly #hidden = new Set<Topic>();
  #lines: readonly Line[] = [];
  #shown: readonly Line[] = [];
  #lastNumber = 0;
  #isFollowing = true;

  /** The ring to listen to; by default that of the enclosing `<tab-ring>`. */
  @property({ attribute: false })
  get ring(): Tabring | undefined {
    return this.#source.ring;
  }
  set ring(ring: Tabring | undefined) {
    this.#source.own = ring;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#frame.cancel();
  }

  protected override willUpdate(): void {
    if (!this.paused) this.#shown = this.#lines;
  }

  protected override render(): TemplateResult {
    const lines = this.#shown.filter(({ topic }) => !this.#hidden.has(topic));
    return html`<div class="bar">
        <div class="filters" part="filters" role="group" aria-label="Topics shown">
          ${TOPICS.map(topic => this.#renderFilter(topic))}
        </div>
        <button class="pause" type="button" aria-pressed=${this.paused} @click=${this.#onPause}>
          ${this.paused ? `Go on (${this.#missed()} new)` : 'Pause'}
        </button>
      </div>
      <ol
        class="lines"
        part="lines"
        role="log"
        aria-live="off"
        aria-label="Event log"
        tabindex="0"
        @scroll=${this.#onScroll}
      >
        ${lines.length === 0 ? html`<li class="empty">Nothing has happened yet.</li>` : ''}
        ${repeat(
          lines,
          ({ number }) => number,
          line => renderLine(line),
        )}
      </ol>`;
  }

  protected override updated(): void {
    const list = this.renderRoot.querySelector('.lines');
    if (list && this.#isFollowing && !this.paused) list.scrollTop = list.scrollHeight;
  }

  #renderFilter(topic: Topic): TemplateResult {
    const isShown = !this.#hidden.has(topic);
    return html`<button
      type="button"
      class="filter"
      aria-pressed=${isShown}
      @click=${() => this.#toggle(topic)}
    >
      ${topic}
    </button>`;
  }

  #missed(): number {
    return this.#lastNumber - (this.#shown.at(-1)?.number ?? 0);
  }

  #note(topic: Topic, text: string): void {
    this.#add({ atMs: Date.now(), topic, text });
  }

  #add(entry: Omit<Line, 'number'>): void {
    const line = { ...entry, number: ++this.#lastNumber };
    this.#lines = [...this.#lines, line].slice(-this.linesMax);
    this.#frame.request();
  }

  #toggle(topic: Topic): void {
    if (!this.#hidden.delete(topic)) this.#hidden.add(topic);
    this.requestUpdate();
  }

  readonly #onPause = (): void => {
    this.paused = !this.paused;
  };

  readonly #onScroll = (event: Event): void => {
    const list = event.currentTarget as HTMLElement;
    this.#isFollowing = list.scrollHeight - list.scrollTop - list.clientHeight < FOLLOW_PX;
  };
}

function renderLine({ atMs, topic, text }: Line): TemplateResult {
  const at = new Date(atMs);
  return html`<li class=${topic} part="line">
    <time datetime=${at.toISOString()}>${clock(at)}</time> <span class="topic">${topic}</span>
    <bdi class="text">${text}</bdi>
  </li>`;
}

/** Hours to milliseconds, in local time: what happened when, to compare two tabs by. */
function clock(at: Date): string {
  const two = (part: number): string => String(part).padStart(2, '0');
  const millis = String(at.getMilliseconds()).padStart(3, '0');
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${millis}`;
}

declare global {
  interface HTMLElementTagNameMap {
    'ring-log': RingLog;
  }
}
