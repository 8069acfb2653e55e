import { css } from 'lit';

export const styles = css`
  :host {
    display: block;
    container: ring-log / inline-size;
  }

  .bar {
    display: flex;
    flex-wrap: wrap;
    gap: 0.5rem;
    align-items: center;
    justify-content: space-between;
    margin-block-end: 0.6rem;
  }

  .filters {
    display: flex;
    flex-wrap: wrap;
    gap: 0.3rem;
  }

  button {
    min-block-size: 1.75rem;
    padding: 0.1rem 0.7rem;
    font-size: 0.8rem;
  }

  .filter {
    border-radius: 1rem;
    font-weight: 400;
  }

  .filter[aria-pressed='false'] {
    border-style: dashed;
    background: none;
    color: var(--_muted);
    text-decoration: line-through;
  }

  .pause {
    min-inline-size: 4.5rem;
  }

  .lines {
    block-size: var(--tabring-log-height, 14rem);
    margin: 0;
    padding: 0.5rem 0.75rem;
    overflow: auto;
    overscroll-behavior: contain;
    border: 1px solid var(--_line);
    border-radius: 0.6rem;
    background: var(--_tint);
    font: 0.8rem/1.6 var(--_mono);
    list-style: none;
  }

  li {
    display: grid;
    grid-template-columns: max-content 5.5rem minmax(0, 1fr);
    gap: 0.9rem;
  }

  time,
  .topic,
  .empty {
    color: var(--_muted);
  }

  .text {
    overflow-wrap: anywhere;
  }

  .problem .topic,
  .problem .text {
    color: var(--_suspect);
  }

  .status .text {
    font-weight: 700;
  }

  .empty {
    display: block;
  }

  @container ring-log (inline-size < 480px) {
    li {
      grid-template-columns: max-content 1fr;
      gap: 0 0.75rem;
    }

    .text {
      grid-column: 1 / -1;
      margin-block-end: 0.25rem;
    }
  }
`;
