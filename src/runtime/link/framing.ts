import { MESSAGE_BYTES_MAX } from './link.ts';

/** Every browser takes a data channel message of this size at once, and none is blocked by it. */
export const FRAME_BYTES_MAX = 16 * 1024;

/** Mark 1, message number 2, frame index 2, bytes of the whole message 3; all big-endian. */
export const HEADER_BYTES = 8;

/** What of a message fits into one frame. */
export const PAYLOAD_BYTES_MAX = FRAME_BYTES_MAX - HEADER_BYTES;

/** The first byte of every frame of this format. A later format takes another. */
export const FRAME_MARK = 0x71;

export type Frame = Uint8Array<ArrayBuffer>;

/**
 * Cuts a message of 1 … `MESSAGE_BYTES_MAX` bytes into frames, which share no memory with it.
 * `messageNumber` is any integer; successive messages of one link take successive ones.
 */
export function cutIntoFrames(message: Uint8Array, messageNumber: number): Frame[] {
  const frames: Frame[] = [];
  for (let start = 0, index = 0; start < message.length; start += PAYLOAD_BYTES_MAX, index++) {
    const payload = message.subarray(start, start + PAYLOAD_BYTES_MAX);
    const frame = new Uint8Array(HEADER_BYTES + payload.length);
    frame[0] = FRAME_MARK;
    const header = new DataView(frame.buffer);
    // The setters keep the low bits: that is how message numbers start over.
    header.setUint16(1, messageNumber);
    header.setUint16(3, index);
    header.setUint8(5, message.length >>> 16);
    header.setUint16(6, message.length);
    frame.set(payload, HEADER_BYTES);
    frames.push(frame);
  }
  return frames;
}

type Header = { readonly number: number; readonly index: number; readonly bytes: number };

/** The message that is being put together: its length and number, and how much of it is there. */
type Assembly = { readonly number: number; readonly message: Uint8Array; nextIndex: number };

/**
 * Puts messages together again from the frames of an ordered channel.
 *
 * A frame counts only if it is exactly as long as its own header says it must be, and is the next
 * one of the message under way or the first of a new one. Everything else is dropped alone and
 * counted, so that after any garbage the next good message still gets through.
 *
 * Invariants:
 * 1. At most one message is under way, so at most `MESSAGE_BYTES_MAX` bytes are held.
 * 2. A message comes out only if all of its frames came in, in order: no two are ever mixed.
 */
export class Reassembler {
  #assembly: Assembly | null = null;
  #malformedCount = 0;

  /** Frames dropped, and messages given up because another began before their end. */
  get malformedCount(): number {
    return this.#malformedCount;
  }

  /** Takes the next frame, and returns the message that it completes. Never throws. */
  take(frame: Uint8Array): Uint8Array | null {
    const header = parseHeader(frame);
    if (header === null) return this.#drop();
    const payload = frame.subarray(HEADER_BYTES);
    if (header.index === 0) return this.#begin(header, payload);
    const assembly = this.#assembly;
    const isNext =
      assembly !== null &&
      assembly.number === header.number &&
      assembly.message.length === header.bytes &&
      assembly.nextIndex === header.index;
    return isNext ? this.#append(assembly, payload) : this.#drop();
  }

  #begin(header: Header, payload: Uint8Array): Uint8Array | null {
    if (this.#assembly !== null) this.#malformedCount++; // Its end will not come any more.
    this.#assembly = null;
    if (payload.length === header.bytes) return payload;
    const message = new Uint8Array(header.bytes);
    message.set(payload);
    this.#assembly = { number: header.number, message, nextIndex: 1 };
    return null;
  }

  #append(assembly: Assembly, payload: Uint8Array): Uint8Array | null {
    const start = assembly.nextIndex * PAYLOAD_BYTES_MAX;
    assembly.message.set(payload, start);
    assembly.nextIndex++;
    if (start + payload.length < assembly.message.length) return null;
    this.#assembly = null;
    return assembly.message;
  }

  #drop(): null {
    this.#malformedCount++;
    return null;
  }
}

function parseHeader(frame: Uint8Array): Header | null {
  if (frame.length <= HEADER_BYTES || frame[0] !== FRAME_MARK) return null;
  const view = new DataView(frame.buffer, frame.byteOffset, HEADER_BYTES);
  const index = view.getUint16(3);
  const bytes = view.getUint8(5) * 2 ** 16 + view.getUint16(6);
  if (bytes === 0 || bytes > MESSAGE_BYTES_MAX) return null;
  // All frames but the last are full, so the header alone says how long this one is.
  const payloadBytes = Math.min(bytes - index * PAYLOAD_BYTES_MAX, PAYLOAD_BYTES_MAX);
  if (frame.length !== HEADER_BYTES + payloadBytes) return null;
  return { number: view.getUint16(1), index, bytes };
}
