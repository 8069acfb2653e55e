import { nothing, svg, type SVGTemplateResult } from 'lit';
import { classMap } from 'lit/directives/class-map.js';
import { repeat } from 'lit/directives/repeat.js';
import type { PeerId } from '../../kernel/machine.ts';
import { count } from './announcer.ts';
import { arcPath, show, TURN } from './circle.ts';
import type { PlacedLabel } from './labels.ts';
import { colourOf, type PeerModel } from './model.ts';
import type { PeerShape, Scene } from './scene.ts';
import type { Stage } from './stage.ts';

export interface PeerOptions {
  readonly stage: Stage;
  readonly active: PeerId | undefined;
  /** The one peer that the Tab key reaches. */
  readonly reachable: PeerId | undefined;
  readonly pinned: PeerId | undefined;
}

/** The peers as a list of options, in clockwise order, and their labels. */
export function renderPeers(
  { peers, labels }: Pick<Scene, 'peers' | 'labels'>,
  options: PeerOptions,
): SVGTemplateResult {
  return svg`<g role="listbox" aria-label="Peers on the ring, clockwise" part="peers">
      ${repeat(
        peers,
        ({ peer }) => peer.ref.peer,
        (shape, index) =>
          renderPeer(shape, { ...options, place: `${index + 1} of ${peers.length}` }),
      )}
    </g>
    <g aria-hidden="true" class="labels">
      ${repeat(
        labels,
        ({ subject }) => subject.ref.peer,
        label => renderLabel(label, options),
      )}
    </g>`;
}

function renderPeer(
  { peer, centre, radius }: PeerShape,
  { active, reachable, pinned, place }: PeerOptions & { readonly place: string },
): SVGTemplateResult {
  const id = peer.ref.peer;
  const classes = {
    peer: true,
    self: peer.isSelf,
    unconfirmed: !peer.isMember,
    suspected: peer.isSuspected,
    branch: peer.isBranch,
    holder: peer.replicas.length > 0,
    active: id === active,
    pinned: id === pinned,
  };
  return svg`<g
    class=${classMap(classes)}
    part=${peer.isSelf ? 'peer self' : 'peer'}
    role="option"
    data-peer=${id}
    tabindex=${id === reachable ? 0 : -1}
    aria-selected=${id === pinned ? 'true' : 'false'}
    aria-label=${`${describePeer(peer)}, ${place}`}
    transform="translate(${show(centre.x)} ${show(centre.y)})"
  >
    <g class="body">
      <circle class="focus" r=${show(radius + 8)}></circle>
      <circle class="halo" r=${show(radius + 2)}></circle>
      ${peer.isSelf ? svg`<circle class="pulse" r=${show(radius)}></circle>` : nothing}
      <circle class="dot" r=${show(radius)}></circle>
      ${peer.isSelf ? svg`<circle class="eye" r=${show(radius * 0.38)}></circle>` : nothing}
      ${renderHeld(peer, radius)}
    </g>
  </g>`;
}

/** A ring of one segment for each replica the peer answers for, in the replica's colour. */
function renderHeld({ replicas }: PeerModel, radius: number): readonly SVGTemplateResult[] {
  const span = TURN / replicas.length;
  const gap = replicas.length === 1 ? 0 : 0.25;
  return replicas.map((replica, i) => {
    const path = arcPath(i * span + gap / 2, span - gap, radius + 3.5);
    return svg`<path class="held ${replica.state} ${colourOf(replica)}" d=${path}></path>`;
  });
}

function renderLabel(
  { subject, lines, centre }: PlacedLabel<PeerModel>,
  { stage, active }: PeerOptions,
): SVGTemplateResult {
  const classes = {
    label: true,
    self: subject.isSelf,
    unconfirmed: !subject.isMember,
    suspected: subject.isSuspected,
    active: subject.ref.peer === active,
  };
  const linePx = stage.fontPx * 1.25;
  const top = centre.y - ((lines.length - 1) * linePx) / 2;
  return svg`<text class=${classMap(classes)} part="label" font-size=${stage.fontPx}>
    ${lines.map(
      (line, index) =>
        svg`<tspan x=${show(centre.x)} y=${show(top + index * linePx)}>${line}</tspan>`,
    )}
  </text>`;
}

/** A peer in words: its name, what it is to this one, and what is wrong with it. */
export function describePeer(peer: PeerModel): string {
  return [
    peer.isSelf ? `You, peer ${peer.name}` : `Peer ${peer.name}`,
    ...rolesOf(peer),
    ...(peer.items === null ? [] : [count(peer.items, 'item')]),
    ...peer.replicas.map(({ index, state }) => `replica ${index + 1} ${state}`),
  ].join(', ');
}

/** What a peer is to this one. */
export function rolesOf(peer: PeerModel): string[] {
  return [
    ...(peer.isSucc ? ['your successor'] : []),
    ...(peer.isPred ? ['your predecessor'] : []),
    ...(peer.isFinger ? ['finger'] : []),
    ...(peer.isBranch ? ['on a branch'] : []),
    ...(peer.isSuspected ? ['suspected'] : []),
    ...(peer.isMember ? [] : ['not heard of in the last survey']),
  ];
}
