import * as v from 'valibot';
import { isId, type Id } from './identifier.ts';
import type { PeerId, SessionId } from './machine.ts';

/** 128 random bits are 22 characters of base64url; room is left for hashes of public keys. */
const PEER_ID_CHARS_MAX = 64;

/** The longest path a message may take: log of any ring's size, branches, and room to spare. */
export const HOPS_MAX = 48;

/** The most peers named in one list of a message. */
export const REFS_MAX = 32;

/** A key has at most this many bytes of UTF-8. */
export const KEY_BYTES_MAX = 1024;

/** A value has at most this many bytes once encoded. */
export const VALUE_BYTES_MAX = 2 ** 20;

export const id = v.custom<Id>(isId);

export const peerId = v.custom<PeerId>(
  value =>
    typeof value === 'string' &&
    value.length > 0 &&
    value.length <= PEER_ID_CHARS_MAX &&
    value.isWellFormed(),
);

export const sessionId = v.custom<SessionId>(
  value => typeof value === 'string' && value.length > 0 && value.length <= 32,
);

/** A count or index: a non-negative integer that a double holds exactly. */
export const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/** Milliseconds or another finite quantity, never negative. */
export const quantity = v.pipe(v.number(), v.finite(), v.minValue(0));

export const peerRef = v.strictObject({
  peer: peerId,
  incarnation: count,
  position: id,
});

export const peerRefs = v.pipe(v.array(peerRef), v.maxLength(REFS_MAX));

/** Peers a message went through, or is to go through. */
export const path = v.pipe(v.array(peerId), v.maxLength(HOPS_MAX));

export const key = v.pipe(
  v.string(),
  v.check(text => text.length > 0 && text.isWellFormed() && utf8Length(text) <= KEY_BYTES_MAX),
);

export const valueBytes = v.custom<Uint8Array>(
  bytes => bytes instanceof Uint8Array && bytes.length <= VALUE_BYTES_MAX,
);

/** The number of bytes that `text` takes in UTF-8. */
export function utf8Length(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}
