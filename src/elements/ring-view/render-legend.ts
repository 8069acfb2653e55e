import { html, svg, type SVGTemplateResult, type TemplateResult } from 'lit';
import type { RingModel } from './model.ts';
import type { Scene } from './scene.ts';

interface Entry {
  readonly isShown: boolean;
  readonly text: string;
  readonly sample: SVGTemplateResult;
}

const ARROW = 'M24 6L16 2.5V9.5Z';

/** Says what the lines and dots mean; only those that are in the drawing. */
export function renderLegend(model: RingModel, scene: Scene): TemplateResult {
  const { peers } = model;
  const others = peers.filter(peer => !peer.isSelf);
  const entries: readonly Entry[] = [
    {
      isShown: scene.range !== null,
      text: 'what you answer for',
      sample: svg`<path class="range" d="M2 6H24"></path>`,
    },
    {
      isShown: scene.pointers.some(({ kind, isOdd }) => kind === 'succ' && !isOdd),
      text: 'successor',
      sample: line('pointer succ', ARROW),
    },
    {
      isShown: scene.pointers.some(({ kind }) => kind === 'pred'),
      text: 'predecessor',
      sample: line('pointer pred', ARROW),
    },
    {
      isShown: others.some(peer => peer.isFinger),
      text: 'finger (shortcut)',
      sample: line('chord finger', ARROW),
    },
    {
      isShown: others.some(peer => peer.link !== null && !peer.isFinger),
      text: 'link',
      sample: line('chord'),
    },
    {
      isShown: others.some(peer => peer.link?.state === 'opening'),
      text: 'link opening',
      sample: line('chord opening'),
    },
    {
      isShown: peers.some(peer => peer.isBranch),
      text: 'branch',
      sample: svg`<g class="peer branch">${dot}</g>`,
    },
    {
      isShown: peers.some(peer => peer.isSuspected),
      text: 'suspected',
      sample: svg`<g class="peer suspected">${dot}</g>`,
    },
    {
      isShown: peers.some(peer => !peer.isMember),
      text: 'only heard of',
      sample: svg`<g class="peer unconfirmed">${dot}</g>`,
    },
    ...(['active', 'learning', 'unreachable'] as const).map(state => ({
      isShown: model.replicas.some(replica => replica.state === state),
      text: `replica of the key, ${state}`,
      sample: svg`<g class="replica ${state} colour-0">
        <circle class="pin" cx="13" cy="6" r="5"></circle></g>`,
    })),
  ];
  return html`<ul class="legend" part="legend" aria-label="Legend">
    ${entries
      .filter(({ isShown }) => isShown)
      .map(
        ({ sample, text }) =>
          html`<li>
            <svg viewBox="0 0 26 12" width="26" height="12" aria-hidden="true">${sample}</svg
            >${text}
          </li>`,
      )}
  </ul>`;
}

const dot = svg`<circle class="dot" cx="13" cy="6" r="5"></circle>`;

function line(classes: string, head = ''): SVGTemplateResult {
  return svg`<g class=${classes}>
    <path class="line" d=${head === '' ? 'M2 6H24' : 'M2 6H17'}></path>
    <path class="head" d=${head}></path>
  </g>`;
}
