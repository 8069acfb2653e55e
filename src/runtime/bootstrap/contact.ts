import type { Contact } from './bootstrap.ts';

/** A contact whose page is known, so that one found in two ways is recognised. */
export interface PageContact extends Contact {
  readonly page: string;
}
