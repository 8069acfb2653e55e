import { css } from 'lit';

/**
 * The colours all elements share. Each follows `color-scheme`, and each can be set from outside by a
 * custom property. As text they keep a contrast of 4.5 on their surface in both schemes.
 */
export const theme = css`
  :host {
    --_surface: var(--tabring-surface, Canvas);
    --_ink: var(--tabring-ink, light-dark(#1a2130, #e9edf4));
    --_muted: var(--tabring-muted, light-dark(#566172, #9ba7b9));
    --_line: var(--tabring-line, light-dark(#d9dbe0, #2b3544));
    --_tint: var(--tabring-tint, light-dark(#f2f3f5, #1b2330));
    --_peer: var(--tabring-peer, light-dark(#0b766f, #2dd4bf));
    --_self: var(--tabring-self, light-dark(#b93f0b, #ff9058));
    --_finger: var(--tabring-finger, light-dark(#4f46e5, #a9a7ff));
    --_branch: var(--tabring-branch, light-dark(#a21caf, #f0abfc));
    --_suspect: var(--tabring-suspect, light-dark(#be123c, #fb7185));
    --_on-colour: light-dark(#fff, #0e131b);
    --_mono: var(
      --tabring-mono,
      ui-monospace,
      'Cascadia Mono',
      'SF Mono',
      Menlo,
      Consolas,
      monospace
    );
    --_focus: var(--tabring-focus, light-dark(#1d4ed8, #8ab4ff));
    box-sizing: border-box;
    color: var(--_ink);
  }

  :host([hidden]) {
    display: none !important;
  }

  *,
  *::before,
  *::after {
    box-sizing: inherit;
  }

  .visually-hidden {
    position: absolute;
    inline-size: 1px;
    block-size: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }

  /* Colours the user has chosen for everything: shapes and dashes tell the rest. */
  @media (forced-colors: active) {
    :host {
      --_surface: Canvas;
      --_ink: CanvasText;
      --_muted: CanvasText;
      --_line: ButtonBorder;
      --_peer: CanvasText;
      --_self: Highlight;
      --_finger: LinkText;
      --_branch: VisitedText;
      --_suspect: Mark;
      --_focus: Highlight;
      --_on-colour: Canvas;
    }
  }

  :focus-visible {
    outline: 2px solid var(--_focus);
    outline-offset: 2px;
  }
`;

/** Buttons and fields, alike in all elements. */
export const controls = css`
  button,
  input,
  textarea {
    font: inherit;
    color: inherit;
  }

  button {
    min-block-size: 2.25rem;
    padding: 0.3rem 0.85rem;
    border: 1px solid var(--_line);
    border-radius: 0.5rem;
    background: var(--_surface);
    cursor: pointer;
    font-weight: 550;
  }

  button:hover:not(:disabled) {
    border-color: currentColor;
  }

  button:active:not(:disabled) {
    translate: 0 1px;
  }

  button:disabled {
    color: var(--_muted);
    cursor: not-allowed;
  }

  button.primary {
    border-color: transparent;
    background: var(--_peer);
    color: var(--_on-colour);
  }

  input,
  textarea {
    inline-size: 100%;
    min-block-size: 2.25rem;
    padding: 0.4rem 0.65rem;
    border: 1px solid var(--_edge, light-dark(#868f9c, #6b788c));
    border-radius: 0.5rem;
    background: var(--_surface);
  }

  @media (forced-colors: active) {
    button.primary {
      background: ButtonText;
      color: ButtonFace;
      forced-color-adjust: none;
    }
  }

  ::placeholder {
    color: var(--_muted);
    opacity: 0.85;
  }

  @media (prefers-reduced-motion: reduce) {
    button:active:not(:disabled) {
      translate: none;
    }
  }
`;
