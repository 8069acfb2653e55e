import { css } from 'lit';

/** What the shapes of the drawing look like. */
export const drawing = css`
  /* The circle and what runs along it. */
  path,
  circle {
    fill: none;
    vector-effect: non-scaling-stroke;
  }

  .base {
    stroke: var(--_line);
    stroke-width: 1.5;
  }

  .zero {
    stroke: var(--_muted);
    stroke-width: 1.25;
  }

  .zero-label,
  .pin-number,
  .label {
    font-family: var(--_mono);
    text-anchor: middle;
    dominant-baseline: central;
  }

  .zero-label {
    fill: var(--_muted);
    font-size: 11px;
    dominant-baseline: auto;
  }

  .searching {
    stroke: var(--_peer);
    stroke-width: 3;
    stroke-linecap: round;
    animation: search 1.6s linear infinite;
  }

  .range {
    stroke: color-mix(in srgb, var(--_self) 26%, var(--_surface));
    stroke-width: 9;
  }

  .line {
    stroke: var(--_colour);
    stroke-linecap: round;
    transition: opacity 0.2s;
  }

  .head {
    fill: var(--_colour);
    transition: opacity 0.2s;
  }

  .pointer {
    --_colour: var(--_peer);
    animation: fade-in 0.5s;
  }

  .succ .line {
    stroke-width: 1.75;
  }

  .succ.odd {
    --_colour: var(--_branch);
  }

  .succ.odd .line {
    stroke-dasharray: 6 4;
  }

  .pred {
    --_colour: var(--_muted);
  }

  .pred .line {
    stroke-width: 1;
    stroke-dasharray: 1 4;
  }

  .pred.odd {
    --_colour: var(--_branch);
  }

  .pointer.active .line {
    stroke-width: 3;
  }

  /* Across the circle. */
  .chord {
    --_colour: var(--_muted);
    animation: fade-in 0.5s;
  }

  .chord .line {
    stroke-width: 1;
    opacity: 0.55;
  }

  .chord.finger {
    --_colour: var(--_finger);
  }

  .chord.finger .line {
    stroke-width: 1.5;
    opacity: 0.8;
  }

  .chord.unlinked .line {
    stroke-dasharray: 1 5;
  }

  .chord.opening .line {
    stroke-dasharray: 5 5;
    animation: march 0.8s linear infinite;
  }

  .chord.suspected {
    --_colour: var(--_suspect);
  }

  .chord.suspected .line {
    stroke-dasharray: 2 5;
    opacity: 1;
  }

  .chord.active .line {
    stroke-width: 2.5;
    opacity: 1;
  }

  .with-key .chord:not(.active) {
    opacity: 0.3;
  }

  .with-key .pred:not(.active) {
    opacity: 0.4;
  }

  /* The peers. */
  .peer {
    --_colour: var(--_peer);
    cursor: pointer;
    outline: none;
  }

  .peer.self {
    --_colour: var(--_self);
  }

  .body {
    transform-origin: 0 0;
    animation: appear 0.45s cubic-bezier(0.2, 1.4, 0.5, 1);
  }

  .halo {
    fill: var(--_surface);
  }

  .dot {
    fill: var(--_colour);
    stroke: var(--_colour);
    stroke-width: 1.5;
    transition:
      fill 0.2s,
      stroke 0.2s;
  }

  .eye {
    fill: var(--_surface);
  }

  .with-key .peer:not(.self, .holder, .active, .suspected, .unconfirmed) .dot {
    fill: color-mix(in srgb, var(--_colour) 45%, var(--_surface));
  }

  .unconfirmed .dot {
    fill: var(--_surface);
  }

  .branch .dot {
    stroke: var(--_branch);
    stroke-width: 3;
  }

  .suspected .dot {
    fill: var(--_surface);
    stroke: var(--_suspect);
    stroke-width: 2;
    stroke-dasharray: 3 2.5;
  }

  .focus {
    stroke: transparent;
    stroke-width: 2.5;
  }

  .peer.active .focus {
    fill: color-mix(in srgb, var(--_colour) 20%, transparent);
  }

  .peer.pinned .focus {
    stroke: var(--_colour);
    stroke-width: 1.5;
  }

  .peer:focus-visible .focus {
    stroke: var(--_focus);
    stroke-width: 2.5;
  }

  .pulse {
    stroke: var(--_self);
    stroke-width: 2;
    opacity: 0;
    transform-origin: 0 0;
  }

  .alone .pulse {
    animation: pulse 2.4s ease-out infinite;
  }

  .ghost {
    fill: var(--_muted);
    transform-origin: 0 0;
    animation: vanish 0.45s ease-in forwards;
  }

  .label {
    fill: var(--_ink);
    paint-order: stroke;
    stroke: var(--_surface);
    stroke-width: 3;
    stroke-linejoin: round;
    pointer-events: none;
  }

  .label.unconfirmed {
    fill: var(--_muted);
  }

  .label.suspected {
    fill: var(--_suspect);
  }

  .label.self {
    fill: var(--_self);
    font-weight: 700;
  }

  .label.active {
    font-weight: 700;
  }

  /* A ring that is not there, or not reached. */
  .left .dot,
  .paused .dot,
  .isolated .peer:not(.self) .dot {
    fill: color-mix(in srgb, var(--_colour) 35%, var(--_surface));
    stroke: color-mix(in srgb, var(--_colour) 35%, var(--_surface));
  }

  .left .pointer,
  .paused .pointer,
  .isolated .pointer,
  .left .chord,
  .paused .chord,
  .isolated .chord {
    opacity: 0.4;
  }

  @keyframes search {
    to {
      transform: rotate(1turn);
    }
  }

  @keyframes march {
    to {
      stroke-dashoffset: -10;
    }
  }

  @keyframes appear {
    from {
      opacity: 0;
      transform: scale(0.2);
    }
  }

  @keyframes vanish {
    to {
      opacity: 0;
      transform: scale(0.2);
    }
  }

  @keyframes fade-in {
    from {
      opacity: 0;
    }
  }

  @keyframes pulse {
    from {
      opacity: 0.7;
      transform: scale(1);
    }
    to {
      opacity: 0;
      transform: scale(3.2);
    }
  }

  @media (prefers-reduced-motion: reduce) {
    *,
    *::before {
      animation: none !important;
      transition: none !important;
    }

    .ghost {
      display: none;
    }

    .alone .pulse {
      opacity: 0.35;
      transform: scale(1.6);
    }
  }
`;
