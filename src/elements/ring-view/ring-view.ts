import { html, LitElement, nothing, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { ReplicaSnapshot, RingSnapshot } from '../../api/snapshot.ts';
import type { Tabring } from '../../api/tabring.ts';
import type { PeerId } from '../../kernel/machine.ts';
import { theme } from '../shared/theme.ts';
import { Announcer } from './announcer.ts';
import { keyReplicas } from './key-replicas.styles.ts';
import { peerAfterKey } from './keyboard.ts';
import { ringModel, type RingModel } from './model.ts';
import { MotionController } from './motion-controller.ts';
import { PeerSelectEvent } from './peer-select-event.ts';
import { renderCentre } from './render-centre.ts';
import { renderDetails } from './render-details.ts';
import { renderLegend } from './render-legend.ts';
import { renderPeers } from './render-peers.ts';
import { renderEmpty, renderGhosts, renderRing } from './render-ring.ts';
import { ReplicasController } from './replicas-controller.ts';
import { drawing } from './ring-drawing.styles.ts';
import { styles } from './ring-view.styles.ts';
import { composeScene, targetAngles, type Scene } from './scene.ts';
import { SizeController } from './size-controller.ts';
import { SnapshotController } from './snapshot-controller.ts';
import { stageFor, type Stage } from './stage.ts';
import { SurveyController } from './survey-controller.ts';

/** How far from a dot the pointer may be to mean it. */
const REACH_PX = 26;

/**
 * Draws a ring as one peer sees it: everybody on the circle by position, the pointers between
 * neighbours, branches, this peer's links, fingers and range, and where the replicas of one key are.
 *
 * @summary A live picture of the ring.
 * @slot invite - Shown in the middle while this peer is alone, instead of the built-in words.
 * @event {PeerSelectEvent} peerselect - A peer was chosen by a click, Enter or Space, or let go.
 * @csspart stage - What holds the drawing.
 * @csspart ring - The drawing itself.
 * @csspart centre - The words in the middle of the circle.
 * @csspart peers - The group of all peers.
 * @csspart peer - One peer; this one has the part `self` as well.
 * @csspart label - The name beside a peer.
 * @csspart range - The arc of identifiers this peer answers for.
 * @csspart successor - A pointer to a successor.
 * @csspart predecessor - A pointer to a predecessor.
 * @csspart finger - A routing shortcut.
 * @csspart link - A link that is no shortcut.
 * @csspart replica - The pin of one replica of the key.
 * @csspart details - The panel about one peer.
 * @csspart legend - What the lines and dots mean.
 * @cssprop --tabring-surface - Background the drawing stands on.
 * @cssprop --tabring-ink - Text.
 * @cssprop --tabring-muted - Text and lines that matter less.
 * @cssprop --tabring-line - Hairlines.
 * @cssprop --tabring-self - This peer.
 * @cssprop --tabring-peer - The other peers and the ring.
 * @cssprop --tabring-finger - Routing shortcuts.
 * @cssprop --tabring-branch - Branches of the ring.
 * @cssprop --tabring-suspect - Suspected peers.
 * @cssprop --tabring-focus - The mark of keyboard focus.
 */
@customElement('ring-view')
export class RingView extends LitElement {
  static override styles = [theme, drawing, keyReplicas, styles];

  /** The key whose replicas are marked; empty for none. */
  @property() key = '';

  /** A snapshot to draw instead of a live ring's: for simulated rings. */
  @property({ attribute: false }) snapshot?: RingSnapshot;

  /** Replicas to mark together with `snapshot`, in order of their number. */
  @property({ attribute: false }) replicas?: readonly ReplicaSnapshot[];

  readonly #live = new SnapshotController(this, {
    onRing: ring => (this.#survey.ring = ring),
    onSnapshot: snapshot => {
      this.#survey.notice(snapshot);
      this.#replicasOfKey.poke();
    },
  });
  readonly #survey = new SurveyController(this, () => this.#live.refresh());
  readonly #replicasOfKey = new ReplicasController(this);
  readonly #size = new SizeController(this, '.stage');
  readonly #motion = new MotionController(this);
  readonly #announcer = new Announcer(this);

  #model: RingModel | undefined;
  #scene: Scene | undefined;
  #stage: Stage = stageFor({ widthPx: 0, peerCount: 1, nameLength: 4 });
  #hovered: PeerId | undefined;
  #focused: PeerId | undefined;
  #pinned: PeerId | undefined;
  #reachable: PeerId | undefined;
  /** Gets the focus after this update: it stands where the focused peer has gone. */
  #heir: PeerId | undefined;

  /** The ring to draw; by default that of the enclosing `<tab-ring>`. */
  @property({ attribute: false })
  get ring(): Tabring | undefined {
    return this.#live.ring;
  }
  set ring(ring: Tabring | undefined) {
    this.#live.own = ring;
  }

  protected override willUpdate(): void {
    const snapshot = this.snapshot ?? this.#live.snapshot;
    this.#replicasOfKey.watch(this.snapshot ? undefined : this.#live.ring, this.key);
    const replicas = this.snapshot ? this.replicas : this.#replicasOfKey.replicas;
    this.#model = snapshot?.self ? ringModel(snapshot, replicas) : undefined;
    this.#announcer.observe(this.#model);
    this.#stage = stageFor({
      widthPx: this.#size.widthPx,
      peerCount: this.#model?.peers.length ?? 1,
      nameLength: Math.max(4, ...(this.#model?.peers.map(({ name }) => name.length) ?? [])),
    });
    this.#forgetDeparted();
    const targets = this.#model ? targetAngles(this.#model, this.#stage) : new Map();
    const angles = this.#motion.aim(targets);
    this.#scene =
      this.#model &&
      composeScene(this.#model, { stage: this.#stage, angles, active: this.#active });
  }

  protected override updated(): void {
    const heir = this.#heir;
    this.#heir = undefined;
    if (heir !== undefined) this.#focusPeer(heir);
  }

  protected override render(): TemplateResult {
    const model = this.#model;
    const scene = this.#scene;
    const snapshot = this.snapshot ?? this.#live.snapshot;
    const peer = model?.peers.find(({ ref }) => ref.peer === this.#active) ?? model?.self;
    // The listeners are not on the SVG: Chromium lets the Tab key stop at one that listens to focus.
    return html`<div class="layout">
      <div
        class="stage"
        part="stage"
        @pointermove=${this.#onPointerMove}
        @pointerleave=${this.#onPointerLeave}
        @click=${this.#onClick}
        @keydown=${this.#onKeyDown}
        @focusin=${this.#onFocusIn}
        @focusout=${this.#onFocusOut}
      >
        ${this.#renderDrawing()}
        ${renderCentre(snapshot, { model, stage: this.#stage, joinState: this.#live.joinState })}
      </div>
      ${
        model && scene && peer
          ? html`<div class="aside">
              ${renderDetails(peer, model)}${renderLegend(model, scene)}
            </div>`
          : nothing
      }
      <p class="visually-hidden" role="status">${this.#announcer.text}</p>
    </div>`;
  }

  #renderDrawing(): TemplateResult {
    const { widthPx, heightPx } = this.#stage;
    const scene = this.#scene;
    const isDimmed = (scene?.replicas.length ?? 0) > 0;
    const status = (this.snapshot ?? this.#live.snapshot)?.status ?? this.#live.joinState ?? '';
    return html`<svg
      class="ring ${status} ${isDimmed ? 'with-key' : ''}"
      part="ring"
      width=${widthPx}
      height=${heightPx}
      viewBox="${-widthPx / 2} ${-heightPx / 2} ${widthPx} ${heightPx}"
      role="presentation"
    >
      ${
        scene
          ? [
              renderRing(scene, { stage: this.#stage, active: this.#active }),
              renderGhosts(this.#motion.ghosts, this.#stage),
              renderPeers(scene, {
                stage: this.#stage,
                active: this.#active,
                reachable: this.#reachable,
                pinned: this.#pinned,
              }),
            ]
          : renderEmpty(this.#stage, status === 'joining')
      }
    </svg>`;
  }

  /** The peer whose details are shown, unless none is chosen: then they are this peer's. */
  get #active(): PeerId | undefined {
    return this.#hovered ?? this.#focused ?? this.#pinned;
  }

  #forgetDeparted(): void {
    const peers = this.#model?.peers ?? [];
    const isThere = (id: PeerId | undefined): boolean => peers.some(({ ref }) => ref.peer === id);
    if (!isThere(this.#hovered)) this.#hovered = undefined;
    if (!isThere(this.#pinned)) this.#pinned = undefined;
    if (!isThere(this.#reachable)) {
      const heir = this.#heirOf(this.#reachable) ?? this.#model?.self?.ref.peer;
      if (this.#focused !== undefined) this.#heir = heir;
      this.#reachable = heir;
    }
  }

  /** The peer that now stands clockwise from where a departed one was drawn last. */
  #heirOf(departed: PeerId | undefined): PeerId | undefined {
    const before = this.#scene?.peers.map(({ peer }) => peer.ref.peer) ?? [];
    const place = before.findIndex(id => id === departed);
    if (place < 0) return undefined;
    const after = [...before.slice(place), ...before.slice(0, place)];
    return after.find(id => this.#model?.peers.some(({ ref }) => ref.peer === id));
  }

  readonly #onPointerMove = (event: PointerEvent): void => {
    if (event.pointerType === 'touch') return; // A finger does not hover; a tap chooses.
    this.#hover(this.#peerNear(event));
  };

  readonly #onPointerLeave = (): void => this.#hover(undefined);

  readonly #onClick = (event: MouseEvent): void => {
    const peer = this.#peerNear(event);
    this.#pin(peer === this.#pinned ? undefined : peer);
    if (peer !== undefined) this.#focusPeer(peer);
  };

  readonly #onKeyDown = (event: KeyboardEvent): void => {
    if (event.altKey || event.ctrlKey || event.metaKey) return; // The browser's, not ours.
    const next = peerAfterKey(event.key, this.#model?.peers ?? [], this.#focused);
    if (next !== undefined) this.#focusPeer(next);
    else if (event.key === 'Enter' || event.key === ' ') {
      this.#pin(this.#focused === this.#pinned ? undefined : this.#focused);
    } else if (event.key === 'Escape' && this.#pinned !== undefined) this.#pin(undefined);
    else return;
    event.preventDefault();
  };

  readonly #onFocusIn = (event: FocusEvent): void => {
    const id = event.target instanceof SVGElement ? event.target.dataset['peer'] : undefined;
    const peer = this.#model?.peers.find(({ ref }) => ref.peer === id);
    if (peer === undefined) return;
    this.#focused = peer.ref.peer;
    this.#reachable = peer.ref.peer;
    this.requestUpdate();
  };

  readonly #onFocusOut = (): void => {
    if (this.#heir !== undefined) return; // Lost by removal, in the middle of an update.
    this.#focused = undefined;
    this.requestUpdate();
  };

  #hover(peer: PeerId | undefined): void {
    if (peer === this.#hovered) return;
    this.#hovered = peer;
    this.requestUpdate();
  }

  #pin(peer: PeerId | undefined): void {
    if (peer === this.#pinned) return;
    this.#pinned = peer;
    const chosen = this.#model?.peers.find(({ ref }) => ref.peer === peer);
    this.dispatchEvent(new PeerSelectEvent(chosen?.ref ?? null));
    this.requestUpdate();
  }

  #focusPeer(peer: PeerId): void {
    const options = this.renderRoot.querySelectorAll<SVGElement>('[role=option]');
    for (const option of options) if (option.dataset['peer'] === peer) option.focus();
  }

  /** The peer nearest to the pointer, if it is near at all: small dots need not be hit exactly. */
  #peerNear(event: MouseEvent): PeerId | undefined {
    const box = this.renderRoot.querySelector('svg.ring')?.getBoundingClientRect();
    if (box === undefined) return undefined;
    const x = event.clientX - box.left - box.width / 2;
    const y = event.clientY - box.top - box.height / 2;
    let nearest: PeerId | undefined;
    let reach = REACH_PX;
    for (const { peer, centre } of this.#scene?.peers ?? []) {
      const away = Math.hypot(centre.x - x, centre.y - y);
      if (away >= reach) continue;
      reach = away;
      nearest = peer.ref.peer;
    }
    return nearest;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'ring-view': RingView;
  }
}
