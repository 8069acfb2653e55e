/** What an election is told about the page that stands in it. */
export type Candidate = {
  readonly holdsStore: boolean;
  readonly signal: AbortSignal;
};

/**
 * Decides which page of this browser founds the network. `again`: somebody else may be a member by
 * now, so look first. The founder stays it until `release` or its page's end, and then another one
 * can be elected.
 */
export interface Election {
  readonly isFounder: boolean;
  /** Resolves when this page is elected, or it is worth looking for members again. */
  stand(candidate: Candidate): Promise<'founder' | 'again'>;
  release(): void;
  close(): void;
}
