import type { Bootstrap, Contact, Introduction } from './bootstrap.ts';

/** A contact whose page is known, so that one found in two ways is recognised. */
export interface PageContact extends Contact {
  readonly page: string;
}

/** A bootstrap that knows which page a contact is. */
export interface PageBootstrap extends Bootstrap {
  findMembers(options: { readonly signal: AbortSignal }): Promise<readonly PageContact[]>;
}

export type IntroduceOptions = {
  readonly holdsStore: boolean;
  readonly signal: AbortSignal;
};

/** One for the tabs of this browser, that can be asked in two steps: see `CombinedBootstrap`. */
export interface TabsBootstrap extends PageBootstrap {
  /** `introduce` without waiting for tabs that should go first; its founder is to be confirmed. */
  introduceProvisionally(options: IntroduceOptions): Promise<Introduction>;

  /** Whether this page may found; if not, it has given up being the one. */
  confirmFounder(options: IntroduceOptions): Promise<boolean>;
}
