import { html, LitElement, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { keyed } from 'lit/directives/keyed.js';
import { repeat } from 'lit/directives/repeat.js';
import type { Tabring } from '../../api/tabring.ts';
import type { TabringError } from '../../kernel/errors.ts';
import { describeError, toTabringError } from '../shared/error-text.ts';
import { formatValue } from '../shared/format-value.ts';
import { RingController } from '../shared/ring-controller.ts';
import { controls, theme } from '../shared/theme.ts';
import { KeySelectEvent } from './key-select-event.ts';
import { KeysChangeEvent } from './keys-change-event.ts';
import { ReadingsController, type Reading } from './readings-controller.ts';
import { styles } from './ring-store.styles.ts';

type Action = 'put' | 'get' | 'delete';

/** What became of the last thing the user asked for. */
type Outcome =
  | { readonly type: 'nothing' }
  | { readonly type: 'busy'; readonly text: string }
  | { readonly type: 'done'; readonly text: string }
  | { readonly type: 'failed'; readonly error: TabringError };

const BUSY: Readonly<Record<Action, string>> = {
  put: 'Storing…',
  get: 'Reading…',
  delete: 'Deleting…',
};

/** Every key of the list is read every few seconds. */
const KEYS_MAX = 12;

/**
 * A form to store, read and delete values on the ring, and a list of the keys used with their values,
 * which is kept fresh.
 *
 * @summary A form and a list for the values on the ring.
 * @event {KeySelectEvent} keyselect - A key of the list was chosen, or let go.
 * @event {KeysChangeEvent} keyschange - The list of keys was changed by the user.
 * @csspart form - The form.
 * @csspart result - What became of the last request.
 * @csspart keys - The list of keys.
 * @csspart key - One key of the list, a button.
 * @cssprop --tabring-surface - Background of fields and buttons.
 * @cssprop --tabring-ink - Text.
 * @cssprop --tabring-muted - Text that matters less.
 * @cssprop --tabring-line - Hairlines.
 * @cssprop --tabring-tint - Background of the chosen key.
 * @cssprop --tabring-peer - The main button, and good news.
 * @cssprop --tabring-suspect - Bad news.
 * @cssprop --tabring-focus - The mark of keyboard focus.
 */
@customElement('ring-store')
export class RingStore extends LitElement {
  static override styles = [theme, controls, styles];

  /** The keys of the list, the last used first. */
  @property({ attribute: false }) keys: readonly string[] = [];

  /** The chosen key; empty for none. */
  @property() selected = '';

  readonly #source = new RingController(this);
  readonly #readings = new ReadingsController(this);
  #outcome: Outcome = { type: 'nothing' };
  #abort: AbortController | undefined;

  /** The ring to use; by default that of the enclosing `<tab-ring>`. */
  @property({ attribute: false })
  get ring(): Tabring | undefined {
    return this.#source.ring;
  }
  set ring(ring: Tabring | undefined) {
    this.#source.own = ring;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#abort?.abort();
  }

  protected override willUpdate(): void {
    this.#readings.watch(this.#source.ring, this.keys);
  }

  protected override render(): TemplateResult {
    return html`${this.#renderForm()}
    ${
      this.keys.length === 0
        ? html`<p class="empty">Keys you use are listed here, with their values.</p>`
        : html`<ul class="keys" part="keys" aria-label="Keys">
            ${repeat(
              this.keys,
              key => key,
              key => this.#renderKey(key),
            )}
          </ul>`
    }`;
  }

  #renderForm(): TemplateResult {
    const isIdle = this.ring !== undefined && this.#outcome.type !== 'busy';
    const disabled = isIdle ? 'false' : 'true';
    return html`<form part="form" @submit=${this.#onSubmit} @keydown=${this.#onKeyDown}>
      <label
        >Key
        <input name="key" required autocomplete="off" spellcheck="false" placeholder="greeting"
      /></label>
      <label>Value <textarea name="value" rows="2" placeholder="hello"></textarea></label>
      <div class="buttons">
        <button class="primary" value="put" aria-disabled=${disabled}>Store</button>
        <button value="get" aria-disabled=${disabled}>Read</button>
        <button value="delete" aria-disabled=${disabled}>Delete</button>
      </div>
      <div class="result ${this.#outcome.type}" part="result" role="status">
        ${this.#renderOutcome()}
      </div>
    </form>`;
  }

  #renderOutcome(): TemplateResult | string {
    const outcome = this.#outcome;
    if (outcome.type === 'nothing') {
      if (this.ring) return '';
      return this.#source.joinState === 'joining' ? 'Waiting for the ring…' : 'Not on a ring.';
    }
    if (outcome.type !== 'failed') return html`<bdi class="said">${outcome.text}</bdi>`;
    const { title, advice } = describeError(outcome.error);
    return html`<strong>${title}.</strong> ${advice} <small>${outcome.error.message}</small>`;
  }

  #renderKey(key: string): TemplateResult {
    const reading = this.#readings.of(key);
    const isSelected = key === this.selected;
    return html`<li class=${isSelected ? 'selected' : ''}>
      <button
        class="key"
        part="key"
        type="button"
        aria-pressed=${isSelected ? 'true' : 'false'}
        @click=${() => this.#select(isSelected ? '' : key)}
      >
        <bdi class="name">${key}</bdi>
        ${keyed(reading?.changes, renderReading(reading))}
      </button>
      <button
        class="forget"
        type="button"
        aria-label=${`Take ${key} off the list`}
        title="Take off the list; the value stays"
        @click=${() => this.#forget(key)}
      >
        ×
      </button>
    </li>`;
  }

  readonly #onSubmit = (event: SubmitEvent): void => {
    event.preventDefault();
    const value = event.submitter instanceof HTMLButtonElement ? event.submitter.value : 'put';
    const action: Action = value === 'get' || value === 'delete' ? value : 'put';
    void this.#run(action);
  };

  /** Enter stores from the value as well, where Shift+Enter begins a new line. */
  readonly #onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    if (!(event.target instanceof HTMLTextAreaElement)) return;
    event.preventDefault();
    event.target.form?.requestSubmit();
  };

  async #run(action: Action): Promise<void> {
    const { ring } = this;
    if (ring === undefined || this.#outcome.type === 'busy') return;
    const key = this.#field('key').value;
    const abort = new AbortController();
    this.#abort = abort;
    this.#become({ type: 'busy', text: BUSY[action] });
    try {
      this.#become({ type: 'done', text: await this.#perform(action, key, { ring, abort }) });
      this.#remember(key);
    } catch (thrown) {
      this.#become({ type: 'failed', error: toTabringError(thrown) });
    }
  }

  /** Does one thing and says what came of it. */
  async #perform(
    action: Action,
    key: string,
    { ring, abort: { signal } }: { readonly ring: Tabring; readonly abort: AbortController },
  ): Promise<string> {
    switch (action) {
      case 'put':
        await ring.put(key, this.#field('value').value, { signal });
        return `Stored “${key}”.`;
      case 'delete':
        await ring.delete(key, { signal });
        return `Deleted “${key}”.`;
      case 'get': {
        const value = await ring.get(key, { signal });
        if (value === undefined) return `Nothing is stored under “${key}”.`;
        if (typeof value === 'string') this.#field('value').value = value;
        return `“${key}” is: ${formatValue(value)}`;
      }
    }
  }

  #become(outcome: Outcome): void {
    this.#outcome = outcome;
    this.requestUpdate();
  }

  #remember(key: string): void {
    const keys = [key, ...this.keys.filter(other => other !== key)].slice(0, KEYS_MAX);
    // A known key keeps its place: the list must not jump under the pointer.
    if (!this.keys.includes(key)) this.#changeKeys(keys);
    this.#select(key);
    this.#readings.poke();
  }

  #forget(key: string): void {
    this.#changeKeys(this.keys.filter(other => other !== key));
    if (this.selected === key) this.#select('');
  }

  #changeKeys(keys: readonly string[]): void {
    this.keys = keys;
    this.dispatchEvent(new KeysChangeEvent(keys));
  }

  #select(key: string): void {
    if (key !== '') this.#field('key').value = key;
    if (key === this.selected) return;
    this.selected = key;
    this.dispatchEvent(new KeySelectEvent(key));
  }

  #field(name: 'key' | 'value'): HTMLInputElement | HTMLTextAreaElement {
    const field = this.renderRoot.querySelector<HTMLInputElement>(`[name=${name}]`);
    if (field === null) throw new Error(`<ring-store> has no field "${name}" yet`);
    return field;
  }
}

function renderReading(reading: Reading | undefined): TemplateResult {
  if (reading === undefined) return html`<span class="value none">…</span>`;
  const isNews = reading.changes > 0 ? 'news' : '';
  switch (reading.type) {
    case 'value': {
      const text = formatValue(reading.value);
      return text === ''
        ? html`<span class="value none ${isNews}">empty text</span>`
        : html`<bdi class="value ${isNews}">${text}</bdi>`;
    }
    case 'none':
      return html`<span class="value none ${isNews}">no value</span>`;
    case 'failed':
      return html`<span class="value failed">${describeError(reading.error).title}</span>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'ring-store': RingStore;
  }
}
