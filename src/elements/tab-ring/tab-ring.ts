import { ContextProvider } from '@lit/context';
import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { JoinOptions } from '../../api/options.ts';
import { Tabring } from '../../api/tabring.ts';
import { TabringError } from '../../kernel/errors.ts';
import { joinStateContext, ringContext } from '../shared/context.ts';
import { describeError, toTabringError } from '../shared/error-text.ts';
import { controls, theme } from '../shared/theme.ts';
import { Ready } from './ready.ts';
import { RingErrorEvent } from './ring-error-event.ts';
import { RingReadyEvent } from './ring-ready-event.ts';
import { styles } from './tab-ring.styles.ts';

/** What the element is doing. `left`: its ring ended although the element is still there. */
type Standing =
  | { readonly mode: 'idle' | 'left' }
  | { readonly mode: 'joining'; readonly abort: AbortController }
  | { readonly mode: 'joined'; readonly ring: Tabring; readonly stop: () => void }
  | { readonly mode: 'failed'; readonly error: TabringError };

const JOIN_PROPERTIES = [
  'network',
  'signaling',
  'replicationDegree',
  'store',
  'iceServers',
] as const satisfies readonly (keyof TabRing)[];

/**
 * Holds one peer: joins the ring when it is put into a document, leaves it when it is taken out, and
 * hands the peer to the elements inside it. Moving it within the page does neither. A change of its
 * attributes leaves the old ring and joins the new one.
 *
 * @summary Joins a ring of tabs and provides it to the elements inside.
 * @slot - Elements that use the ring, and anything else.
 * @event {RingReadyEvent} ringready - The ring was joined; `event.ring` is the peer.
 * @event {RingErrorEvent} ringerror - Joining failed or the place was lost; `event.error` says why.
 * @csspart error - The message shown when joining failed.
 * @csspart retry - The button that tries again.
 * @cssprop --tabring-surface - Background of the message.
 * @cssprop --tabring-suspect - Colour of the message's border.
 */
@customElement('tab-ring')
export class TabRing extends LitElement {
  static override styles = [theme, controls, styles];

  /** Name of the network: tabs with the same name form one ring. Required. */
  @property() network = '';

  /** Address of the signaling server; without one, tabs of this browser find each other. */
  @property() signaling?: string;

  /** How many copies are kept of every item, if this tab founds the network. */
  @property({ type: Number, attribute: 'replication-degree' }) replicationDegree?: number;

  /** Where copies are kept: `indexeddb`, `memory`, or (as a property) a store of one's own. */
  @property() store?: NonNullable<JoinOptions['store']>;

  /** ICE servers for WebRTC; the attribute is their JSON array. */
  @property({ attribute: 'ice-servers', converter: { fromAttribute: parseIceServers } })
  iceServers?: readonly RTCIceServer[];

  /** How a ring is joined. Tests and pages with a ring of their own put something else here. */
  @property({ attribute: false })
  joinRing: (options: JoinOptions) => Promise<Tabring> = options => Tabring.join(options);

  readonly #provider = new ContextProvider(this, { context: ringContext });
  readonly #joinState = new ContextProvider(this, {
    context: joinStateContext,
    initialValue: 'idle',
  });
  readonly #ready = new Ready();
  #standing: Standing = { mode: 'idle' };

  /** The peer, once it has joined; undefined before, and after it has left or failed. */
  get ring(): Tabring | undefined {
    return this.#standing.mode === 'joined' ? this.#standing.ring : undefined;
  }

  /**
   * The peer, as soon as it has joined. Rejects with the `TabringError` the join failed with, or with
   * `aborted` if the element is removed first. After that a new attempt has a new promise.
   */
  get ready(): Promise<Tabring> {
    return this.#ready.promise;
  }

  /** Leaves the ring, if there is one, and joins it anew. */
  retry(): void {
    const former = this.#stop();
    const abort = new AbortController();
    this.#become({ mode: 'joining', abort });
    this.#ready.begin();
    void this.#join(former, abort.signal);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    // After a real removal the element comes back idle; `willUpdate` then joins again.
    if (this.hasUpdated && this.#standing.mode === 'idle') this.requestUpdate();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    // A move within the page takes the element out and puts it back before microtasks run.
    queueMicrotask(() => {
      if (!this.isConnected) this.#leave();
    });
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!this.isConnected) return;
    const hasNewOptions = JOIN_PROPERTIES.some(name => changed.has(name));
    if (this.#standing.mode === 'idle' || hasNewOptions) this.retry();
  }

  protected override render(): TemplateResult {
    return html`${this.#standing.mode === 'failed' ? this.#renderError(this.#standing.error) : nothing}
      <slot></slot>`;
  }

  #renderError(error: TabringError): TemplateResult {
    const { title, advice } = describeError(error);
    return html`<div class="error" part="error" role="alert">
      <div><strong>${title}</strong><span>${advice}</span><small>${error.message}</small></div>
      <button part="retry" type="button" @click=${this.retry}>Try again</button>
    </div>`;
  }

  #become(standing: Standing): void {
    this.#standing = standing;
    this.#joinState.setValue(standing.mode);
    this.requestUpdate();
  }

  async #join(former: Promise<void>, signal: AbortSignal): Promise<void> {
    await former;
    if (signal.aborted) return;
    try {
      const ring = await this.joinRing({ ...this.#options(), signal });
      if (signal.aborted) return await leaveQuietly(ring); // It came too late to be stopped.
      this.#arrive(ring);
    } catch (thrown) {
      // Whoever aborted has gone on to something else, which this must not disturb.
      if (!signal.aborted) this.#fail(toTabringError(thrown));
    }
  }

  #options(): JoinOptions {
    const { network, signaling, replicationDegree, store, iceServers } = this;
    if (!network) {
      throw new TabringError(
        'invalid-argument',
        'Give <tab-ring> a "network" attribute: tabs with the same name form one ring.',
      );
    }
    if (iceServers !== undefined && !Array.isArray(iceServers)) {
      throw new TabringError('invalid-argument', 'The "ice-servers" attribute is no JSON array.');
    }
    return {
      network,
      ...(signaling ? { signaling } : {}),
      ...(replicationDegree === undefined ? {} : { replicationDegree }),
      ...(store ? { store } : {}),
      ...(iceServers === undefined ? {} : { iceServers }),
    };
  }

  #arrive(ring: Tabring): void {
    let cause: TabringError | undefined;
    const stops = [
      ring.on('problem', ({ error }) => {
        // A problem that ends the ring is told in the same task as the end; others do not end it.
        cause = error;
        queueMicrotask(() => (cause = undefined));
      }),
      ring.on('statuschange', ({ status }) => {
        if (status === 'left') this.#onLeft(cause);
      }),
    ];
    const stop = (): void => stops.forEach(each => each());
    this.#become({ mode: 'joined', ring, stop });
    this.#provider.setValue(ring);
    this.#ready.resolve(ring);
    this.dispatchEvent(new RingReadyEvent(ring));
  }

  /** The ring ended without the element: the page called `leave`, or another tab took over. */
  #onLeft(cause: TabringError | undefined): void {
    if (this.#standing.mode !== 'joined') return;
    this.#standing.stop();
    this.#provider.setValue(undefined);
    if (cause === undefined) return this.#become({ mode: 'left' });
    this.#ready.begin();
    this.#fail(cause);
  }

  #fail(error: TabringError): void {
    this.#become({ mode: 'failed', error });
    this.#ready.reject(error);
    this.dispatchEvent(new RingErrorEvent(error));
  }

  #leave(): void {
    if (this.#standing.mode === 'joining') {
      this.#ready.reject(new TabringError('aborted', '<tab-ring> was removed before it joined.'));
    }
    void this.#stop();
    this.#become({ mode: 'idle' });
  }

  /** Ends what is under way; resolves when the old ring has been left, so that a new one may begin. */
  #stop(): Promise<void> {
    const standing = this.#standing;
    if (standing.mode === 'joining') standing.abort.abort();
    if (standing.mode !== 'joined') return Promise.resolve();
    standing.stop();
    this.#provider.setValue(undefined);
    return leaveQuietly(standing.ring);
  }
}

/** A ring that cannot be left in good order is left all the same: the others will notice. */
async function leaveQuietly(ring: Tabring): Promise<void> {
  await ring.leave().catch(() => {});
}

/** What is no JSON stays text, which `#options` turns into an error that can be seen. */
function parseIceServers(text: string | null): unknown {
  if (text === null) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'tab-ring': TabRing;
  }
}
