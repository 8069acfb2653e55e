import { createContext } from '@lit/context';
import type { Tabring } from '../../api/tabring.ts';

/** The peer that the enclosing `<tab-ring>` holds; undefined while it holds none. */
export const ringContext = createContext<Tabring | undefined>(Symbol.for('tabring.ring'));
