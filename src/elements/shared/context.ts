import { createContext } from '@lit/context';
import type { Tabring } from '../../api/tabring.ts';

/** The peer that the enclosing `<tab-ring>` holds; undefined while it holds none. */
export const ringContext = createContext<Tabring | undefined>(Symbol.for('tabring.ring'));

/** What the enclosing `<tab-ring>` is doing; undefined outside of one. */
export type JoinState = 'idle' | 'joining' | 'joined' | 'failed' | 'left';

/** Tells elements that have no ring yet whether there will be one. */
export const joinStateContext = createContext<JoinState | undefined>(
  Symbol.for('tabring.joinState'),
);
