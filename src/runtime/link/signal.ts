import { SIGNAL_CHARS_MAX } from './link.ts';

/** What two sides of a negotiation tell each other; nothing else is ever passed on. */
export type Signal =
  | { readonly type: 'offer' | 'answer'; readonly sdp: string }
  | { readonly type: 'candidate'; readonly candidate: Candidate };

export type Candidate = {
  readonly candidate: string;
  readonly sdpMid: string | null;
  readonly sdpMLineIndex: number | null;
};

/** A candidate is one line of about a hundred characters. */
const CANDIDATE_CHARS_MAX = 1024;

/** The text of a signal, or null if it is none of ours or too long to be sent. */
export function formatSignal(signal: unknown): string | null {
  const ours = asSignal(signal);
  const text = ours === null ? '' : JSON.stringify(ours);
  return text === '' || text.length > SIGNAL_CHARS_MAX ? null : text;
}

/** The signal that `formatSignal` made the text of, or null for any other text. Never throws. */
export function parseSignal(text: string): Signal | null {
  if (typeof text !== 'string' || text.length > SIGNAL_CHARS_MAX) return null;
  try {
    return asSignal(JSON.parse(text));
  } catch {
    return null; // Not JSON.
  }
}

/** Reads what is known of a signal, and leaves the rest. */
function asSignal(signal: unknown): Signal | null {
  if (!isRecord(signal)) return null;
  const { type, sdp, candidate } = signal;
  switch (type) {
    case 'offer':
    case 'answer':
      return typeof sdp === 'string' && isDataOnly(sdp) ? { type, sdp } : null;
    case 'candidate':
      return asCandidate(candidate);
    default:
      return null;
  }
}

/** A description of one data channel transport: nobody makes us receive audio or video. */
function isDataOnly(sdp: string): boolean {
  const media = sdp.match(/^m=.*$/gm) ?? [];
  return media.length === 1 && media.every(line => line.startsWith('m=application '));
}

function asCandidate(value: unknown): Signal | null {
  if (!isRecord(value)) return null;
  const { candidate, sdpMid = null, sdpMLineIndex = null } = value;
  if (typeof candidate !== 'string' || candidate.length > CANDIDATE_CHARS_MAX) return null;
  if (sdpMid !== null && !(typeof sdpMid === 'string' && sdpMid.length <= 16)) return null;
  if (sdpMLineIndex !== null && sdpMLineIndex !== 0) return null; // There is one line only.
  if (sdpMid === null && sdpMLineIndex === null) return null;
  return { type: 'candidate', candidate: { candidate, sdpMid, sdpMLineIndex } };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
