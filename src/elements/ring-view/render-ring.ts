import { nothing, svg, type SVGTemplateResult } from 'lit';
import { classMap } from 'lit/directives/class-map.js';
import { repeat } from 'lit/directives/repeat.js';
import type { PeerId } from '../../kernel/machine.ts';
import { arcPath, at, pointAt, show, TURN } from './circle.ts';
import { colourOf } from './model.ts';
import type { Ghost } from './motion-controller.ts';
import type { ChordShape, PointerShape, ReplicaShape, Scene } from './scene.ts';
import type { Stage } from './stage.ts';

/** Everything beneath the peers. It is decoration to those who listen: the peers tell it in words. */
export function renderRing(
  scene: Scene,
  { stage, active }: { readonly stage: Stage; readonly active: PeerId | undefined },
): SVGTemplateResult {
  // Longer leads first: a shorter one to the same peer then stays visible on top.
  const replicas = scene.replicas.toSorted((a, b) => b.span - a.span);
  return svg`<g aria-hidden="true">
    <circle class="base" r=${show(stage.radiusPx)}></circle>
    ${renderZero(stage)}
    ${scene.range === null ? nothing : svg`<path class="range" part="range" d=${scene.range}></path>`}
    ${repeat(
      scene.chords,
      shape => shape.to.ref.peer,
      shape => renderChord(shape, active),
    )}
    ${repeat(
      scene.pointers,
      ({ kind, from }) => `${kind} ${from.ref.peer}`,
      shape => renderPointer(shape, active),
    )}
    ${replicas.map(renderLead)}
    ${scene.replicas.map(shape => renderPin(shape, stage))}
  </g>`;
}

/** Where the circle of identifiers begins. */
function renderZero({ radiusPx, dotPx, fontPx }: Stage): SVGTemplateResult {
  const tick = `M0 ${show(-radiusPx + dotPx + 9)}V${show(-radiusPx + dotPx + 15)}`;
  return svg`<path class="zero" d=${tick}></path>
    <text class="zero-label" x="0" y=${show(-radiusPx + dotPx + 17 + fontPx)}>0</text>`;
}

function renderChord(
  { to, path, arrow }: ChordShape,
  active: PeerId | undefined,
): SVGTemplateResult {
  const classes = {
    chord: true,
    finger: to.isFinger,
    unlinked: to.link === null,
    opening: to.link?.state === 'opening',
    suspected: to.isSuspected,
    active: to.ref.peer === active,
  };
  return svg`<g class=${classMap(classes)} part=${to.isFinger ? 'finger' : 'link'}>
    <path class="line" d=${path}></path>
    ${arrow === null ? nothing : svg`<path class="head" d=${arrow}></path>`}
  </g>`;
}

function renderPointer(shape: PointerShape, active: PeerId | undefined): SVGTemplateResult {
  const { kind, from, isOdd, path, arrow } = shape;
  const classes = {
    pointer: true,
    [kind]: true,
    odd: isOdd,
    own: from.isSelf,
    active: from.ref.peer === active,
  };
  return svg`<g class=${classMap(classes)} part=${kind === 'succ' ? 'successor' : 'predecessor'}>
    <path class="line" d=${path}></path>
    ${arrow === null ? nothing : svg`<path class="head" d=${arrow}></path>`}
  </g>`;
}

function renderLead({ replica, lead, stem }: ReplicaShape): SVGTemplateResult {
  return svg`<g class="replica ${replica.state} ${colourOf(replica)}">
    <path class="line" d=${`M${at(stem.from)}L${at(stem.to)}`}></path>
    ${lead === null ? nothing : svg`<path class="line" d=${lead}></path>`}
  </g>`;
}

function renderPin({ replica, pin }: ReplicaShape, { pinPx }: Stage): SVGTemplateResult {
  const place = `translate(${show(pin.x)} ${show(pin.y)})`;
  return svg`<g class="replica ${replica.state} ${colourOf(replica)}" part="replica" transform=${place}>
    <circle class="pin" r=${show(pinPx)}></circle>
    <text class="pin-number">${replica.index + 1}</text>
  </g>`;
}

/** Those who have just left, fading where they stood. */
export function renderGhosts(ghosts: readonly Ghost[], stage: Stage): SVGTemplateResult {
  return svg`<g aria-hidden="true">${repeat(
    ghosts,
    ({ peer }) => peer,
    ({ angle }) => {
      const { x, y } = pointAt(angle, stage.radiusPx);
      return svg`<g transform="translate(${show(x)} ${show(y)})">
        <circle class="ghost" r=${show(stage.dotPx)}></circle>
      </g>`;
    },
  )}</g>`;
}

/** An empty circle, for when there is no ring to draw. */
export function renderEmpty({ radiusPx }: Stage, isSearching: boolean): SVGTemplateResult {
  return svg`<g aria-hidden="true">
    <circle class="base" r=${show(radiusPx)}></circle>
    ${isSearching ? svg`<path class="searching" d=${arcPath(0, TURN / 6, radiusPx)}></path>` : nothing}
  </g>`;
}
