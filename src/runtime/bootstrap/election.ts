/** What an election is told about the page that stands in it. */
export type Candidate = {
  readonly holdsStore: boolean;
  readonly signal: AbortSignal;
};

/**
 * Decides which page of this browser founds the network. The one that is elected stays it until
 * `release` or its page's end, and then another one can be.
 */
export interface Election {
  /** Resolves when this page is elected, or it is worth looking for members again. */
  stand(candidate: Candidate): Promise<'elected' | 'again'>;
  /**
   * Whether the elected page may found. False, and it is elected no more, if it has no store and
   * one that has came at about the same time.
   */
  confirm(candidate: Candidate): Promise<boolean>;
  release(): void;
  close(): void;
}
