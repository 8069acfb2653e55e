import { css } from 'lit';

export const styles = css`
  :host {
    display: block;
    font-size: 0.9rem;
    line-height: 1.45;
  }

  p {
    margin: 0;
  }

  .status {
    display: flex;
    gap: 0.5rem;
    align-items: center;
    font-weight: 600;
  }

  .mark {
    flex: none;
    inline-size: 0.65rem;
    block-size: 0.65rem;
    border: 2px solid var(--_muted);
    border-radius: 50%;
  }

  .joined .mark,
  .alone .mark {
    border-color: var(--_peer);
    background: var(--_peer);
    forced-color-adjust: none;
  }

  .alone .mark {
    background: none;
  }

  .isolated .mark,
  .failed .mark,
  .left .mark {
    border-color: var(--_suspect);
  }

  .joining .mark {
    border-block-start-color: transparent;
    animation: turn 1s linear infinite;
  }

  .caveat {
    margin-block-start: 0.3rem;
    color: var(--_muted);
    text-wrap: pretty;
  }

  .problem {
    display: flex;
    gap: 0.75rem;
    align-items: flex-start;
    margin-block-start: 0.5rem;
    padding-inline-start: 0.75rem;
    border-inline-start: 3px solid var(--_suspect);
    text-wrap: pretty;
  }

  .problem > div {
    flex: 1;
    min-inline-size: 0;
    overflow-wrap: anywhere;
  }

  small {
    display: block;
    color: var(--_muted);
  }

  button {
    min-block-size: 1.75rem;
    padding: 0.1rem 0.7rem;
    font-size: 0.8rem;
  }

  @keyframes turn {
    to {
      rotate: 1turn;
    }
  }

  @media (prefers-reduced-motion: reduce) {
    .joining .mark {
      animation: none;
    }
  }
`;
