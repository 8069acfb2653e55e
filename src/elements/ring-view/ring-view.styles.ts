import { css } from 'lit';

export const styles = css`
  :host {
    display: block;
    container: ring-view / inline-size;
    line-height: 1.45;
  }

  .layout {
    display: grid;
    gap: 1rem 1.75rem;
    align-items: center;
  }

  .stage {
    position: relative;
    display: grid;
    justify-items: center;
    min-inline-size: 0;
    overflow: hidden;
  }

  svg.ring {
    display: block;
    max-inline-size: 100%;
    overflow: visible;
    cursor: default;
    user-select: none;
    -webkit-user-select: none;
    -webkit-tap-highlight-color: transparent;
  }

  /* In the middle. */
  .centre {
    position: absolute;
    inset: 0;
    display: grid;
    place-items: center;
    text-align: center;
    pointer-events: none;
  }

  .centre > * {
    max-inline-size: calc(var(--_radius) * 1.7);
    margin: 0;
    padding: calc(var(--_radius) * 0.1);
    border-radius: 50%;
    background: radial-gradient(closest-side, var(--_surface) 45%, transparent);
  }

  .count strong {
    display: block;
    font-size: clamp(2rem, calc(var(--_radius) * 0.3), 4rem);
    font-weight: 650;
    line-height: 1;
    letter-spacing: -0.03em;
    font-variant-numeric: tabular-nums;
  }

  .count span,
  .words span {
    color: var(--_muted);
  }

  .words strong,
  .words span {
    display: block;
    text-wrap: balance;
  }

  .words strong {
    font-size: clamp(1.05rem, calc(var(--_radius) * 0.11), 1.6rem);
    font-weight: 650;
    letter-spacing: -0.01em;
    line-height: 1.25;
  }

  .words span {
    font-size: 0.92rem;
    margin-block-start: 0.3rem;
  }

  ::slotted(*) {
    pointer-events: auto;
  }

  /* Beside or below the circle. */
  .aside {
    display: grid;
    gap: 1rem;
    min-inline-size: 0;
  }

  .title {
    margin: 0;
    font: 650 1.25rem/1.3 var(--_mono);
  }

  .title.self {
    color: var(--_self);
  }

  .you {
    margin-inline-end: 0.4ch;
    padding: 0.05em 0.5em;
    border-radius: 1em;
    background: var(--_self);
    color: var(--_on-colour);
    font:
      650 0.8rem/1.5 system-ui,
      sans-serif;
    vertical-align: 0.15em;
  }

  .roles {
    min-block-size: 1.45em;
    margin: 0.1rem 0 0;
    color: var(--_muted);
    font-size: 0.9rem;
  }

  .chips {
    display: flex;
    flex-wrap: wrap;
    gap: 0.25rem;
    margin: 0.25rem 0 0.5rem;
  }

  .chip {
    padding: 0 0.5em;
    border: 1px solid var(--_colour);
    border-radius: 1em;
    color: var(--_colour);
    font-size: 0.8rem;
    font-weight: 600;
  }

  dl {
    margin: 0;
    font-size: 0.875rem;
  }

  dl > div {
    display: grid;
    grid-template-columns: 6.5rem minmax(0, 1fr);
    gap: 0.5rem;
    padding-block: 0.22rem;
    border-block-start: 1px solid var(--_line);
  }

  dt {
    color: var(--_muted);
  }

  dd {
    margin: 0;
    font-variant-numeric: tabular-nums;
  }

  .id {
    color: var(--_muted);
    font: 0.78rem/1.5 var(--_mono);
    overflow-wrap: anywhere;
  }

  .name {
    font-family: var(--_mono);
  }

  .legend {
    display: flex;
    flex-wrap: wrap;
    gap: 0.25rem 1rem;
    margin: 0;
    padding: 0;
    color: var(--_muted);
    font-size: 0.8rem;
    list-style: none;
  }

  .legend li {
    display: flex;
    gap: 0.45rem;
    align-items: center;
  }

  .legend * {
    animation: none !important;
    opacity: 1 !important;
  }

  @container ring-view (inline-size >= 640px) {
    .layout {
      grid-template-columns: minmax(0, 1fr) 15rem;
    }
  }
`;
