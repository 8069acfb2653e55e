import { css } from 'lit';

export const styles = css`
  :host {
    display: block;
    line-height: 1.45;
  }

  form {
    display: grid;
    gap: 0.7rem;
  }

  label {
    display: grid;
    gap: 0.25rem;
    color: var(--_muted);
    font-size: 0.85rem;
  }

  input,
  textarea {
    color: var(--_ink);
    font-size: 1rem;
  }

  textarea {
    resize: vertical;
  }

  .buttons {
    display: flex;
    flex-wrap: wrap;
    gap: 0.5rem;
  }

  .buttons button {
    flex: 1 1 auto;
  }

  .primary {
    flex-grow: 2 !important;
  }

  button[aria-disabled='true'] {
    cursor: not-allowed;
    opacity: 0.6;
  }

  .result {
    min-block-size: 1.45em;
    font-size: 0.9rem;
    overflow-wrap: anywhere;
  }

  .said {
    white-space: pre-line;
  }

  .result.busy,
  .result.nothing {
    color: var(--_muted);
  }

  .result.done {
    color: var(--_peer);
  }

  .result.failed strong {
    color: var(--_suspect);
  }

  .result small {
    display: block;
    color: var(--_muted);
  }

  .keys {
    margin: 0.6rem 0 0;
    padding: 0;
    border-block-end: 1px solid var(--_line);
    list-style: none;
  }

  .empty {
    margin: 0.6rem 0 0;
    color: var(--_muted);
    font-size: 0.9rem;
  }

  li {
    display: flex;
    align-items: stretch;
    border-block-start: 1px solid var(--_line);
  }

  li.selected {
    background: var(--_tint);
    box-shadow: inset 3px 0 var(--_peer);
  }

  li button {
    border: 0;
    border-radius: 0;
    background: none;
  }

  .key {
    display: grid;
    flex: 1;
    grid-template-columns: minmax(4rem, 2fr) minmax(0, 3fr);
    gap: 0.75rem;
    align-items: center;
    min-inline-size: 0;
    min-block-size: 2.5rem;
    padding-inline: 0.75rem 0.25rem;
    text-align: start;
    font-weight: 400;
  }

  .key:hover {
    background: var(--_tint);
  }

  .name,
  .value {
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }

  .name {
    font-family: var(--_mono);
    font-size: 0.9em;
  }

  .value.none,
  .value.failed {
    color: var(--_muted);
    font-style: italic;
  }

  .value.failed {
    color: var(--_suspect);
  }

  .value.news {
    animation: news 1.6s ease-out;
  }

  .forget {
    flex: none;
    inline-size: 2.25rem;
    padding: 0;
    color: var(--_muted);
    font-size: 1.1rem;
  }

  .forget:hover {
    color: var(--_suspect);
  }

  @keyframes news {
    from {
      color: var(--_peer);
      background: color-mix(in srgb, var(--_peer) 25%, transparent);
    }
  }

  @media (prefers-reduced-motion: reduce) {
    .value.news {
      animation: none;
    }
  }
`;
