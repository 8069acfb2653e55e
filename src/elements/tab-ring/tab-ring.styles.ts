import { css } from 'lit';

export const styles = css`
  :host {
    display: block;
  }

  .error {
    display: flex;
    flex-wrap: wrap;
    gap: 0.75rem 1.25rem;
    align-items: center;
    margin-block-end: 1rem;
    padding: 0.9rem 1.1rem;
    border: 1px solid var(--_suspect);
    border-inline-start-width: 4px;
    border-radius: 0.6rem;
    background: color-mix(in srgb, var(--_suspect) 7%, var(--_surface));
    line-height: 1.45;
    text-wrap: pretty;
  }

  .error > div {
    flex: 1 1 16rem;
    min-inline-size: 0;
    overflow-wrap: anywhere;
  }

  .error strong,
  .error span {
    display: block;
  }

  .error small {
    display: block;
    margin-block-start: 0.25rem;
    color: var(--_muted);
    font-size: 0.85em;
  }

  button {
    flex: none;
  }
`;
