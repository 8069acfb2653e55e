import { css } from 'lit';

/** The replicas of the key. Their numbers tell them apart where colours do not. */
export const keyReplicas = css`
  .colour-0 {
    --_colour: light-dark(#1d4ed8, #7aa7ff);
  }

  .colour-1 {
    --_colour: light-dark(#137a38, #4ade80);
  }

  .colour-2 {
    --_colour: light-dark(#be185d, #f472b6);
  }

  .colour-3 {
    --_colour: light-dark(#8a5f00, #facc15);
  }

  .colour-4 {
    --_colour: light-dark(#0e7490, #22d3ee);
  }

  .colour-5 {
    --_colour: light-dark(#7c3aed, #c4b5fd);
  }

  .colour-6 {
    --_colour: light-dark(#b91c1c, #fca5a5);
  }

  .colour-7 {
    --_colour: light-dark(#475569, #cbd5e1);
  }

  .replica .line,
  .held {
    stroke: var(--_colour);
    stroke-width: 2.5;
    stroke-linecap: butt;
  }

  .pin {
    fill: var(--_colour);
    stroke: var(--_colour);
    stroke-width: 1.5;
  }

  .pin-number {
    fill: var(--_on-colour);
    font-size: 11px;
    font-weight: 700;
  }

  .replica.learning .line,
  .held.learning {
    stroke-dasharray: 4 3;
  }

  .replica.learning .pin,
  .replica.unreachable .pin {
    fill: var(--_surface);
  }

  .replica.learning .pin-number,
  .replica.unreachable .pin-number {
    fill: var(--_colour);
  }

  .replica.unreachable .pin {
    stroke-dasharray: 2.5 2.5;
  }

  .replica.unreachable .line {
    stroke-dasharray: 1 4;
  }

  .held {
    stroke-width: 3.5;
  }

  @media (forced-colors: active) {
    [class*='colour-'] {
      --_colour: CanvasText;
    }
  }
`;
