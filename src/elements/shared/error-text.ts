import { TabringError, type TabringErrorCode } from '../../kernel/errors.ts';

/** What a failure means to somebody who only uses the page, and what they can do. */
export interface ErrorText {
  readonly title: string;
  readonly advice: string;
}

const TEXTS: Readonly<Record<TabringErrorCode, ErrorText>> = {
  aborted: { title: 'Stopped', advice: 'This was called off before it was done.' },
  timeout: { title: 'No answer in time', advice: 'The other tabs were too slow. Try again.' },
  'invalid-argument': { title: 'Not accepted', advice: 'Something given here is not allowed.' },
  'no-majority': {
    title: 'Too few copies can be reached',
    advice: 'Fewer than a majority of the tabs that hold this key answered. Nothing was changed.',
  },
  'outcome-unknown': {
    title: 'Not confirmed',
    advice: 'The change was sent, but may or may not take effect. Read the key to find out.',
  },
  unreachable: {
    title: 'The others cannot be reached',
    advice: 'Other tabs are known, but none of them answers. Check the network connection.',
  },
  'signaling-unreachable': {
    title: 'The signaling server does not answer',
    advice: 'Tabs on the ring go on without it; new ones from other browsers cannot find it.',
  },
  'signaling-invalid': {
    title: 'That is not a signaling server',
    advice: 'The address answered with something else. Check the signaling address.',
  },
  'store-full': {
    title: 'The disk is full',
    advice: 'The browser has no room left for this tab’s copies.',
  },
  'store-failed': {
    title: 'Storage refused',
    advice: 'The browser does not let this page keep data. Private windows often refuse it.',
  },
  superseded: {
    title: 'Another tab took over',
    advice: 'This tab’s place on the ring is run by another tab now.',
  },
  left: { title: 'Not on the ring', advice: 'This tab has left the ring.' },
};

/** Human words for a failure, by its code. */
export function describeError(error: TabringError): ErrorText {
  return TEXTS[error.code];
}

/** Whatever was thrown, as a `TabringError`: only our own mistakes are not one already. */
export function toTabringError(thrown: unknown): TabringError {
  if (isTabringError(thrown)) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new TabringError('unreachable', message, { cause: thrown });
}

/** A page may hold the library twice, in two bundles: the class of the other one is another class. */
function isTabringError(thrown: unknown): thrown is TabringError {
  return (
    thrown instanceof Error &&
    'code' in thrown &&
    typeof thrown.code === 'string' &&
    Object.hasOwn(TEXTS, thrown.code)
  );
}
