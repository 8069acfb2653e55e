import { decode, encode } from '../../../src/kernel/codec.ts';
import { decodeMessage, encodeMessage } from '../../../src/peer/protocol.ts';
import { BroadcastBootstrap } from '../../../src/runtime/bootstrap/broadcast-bootstrap.ts';
import type { Link } from '../../../src/runtime/link/link.ts';
import { createPeerId } from '../../../src/runtime/store/store-name.ts';
import type { Value } from '../../../src/kernel/value.ts';

/**
 * A page that opens real links to members of a network and is no peer of it: it says what it likes
 * on them. `window.stranger` is for the test.
 */
export interface Acquaintance {
  /** What the member said, decoded. */
  readonly heard: readonly unknown[];
  /** How the link ended; null as long as it is open. */
  readonly end: string | null;
}

export interface Stranger {
  /** Opens a link to the member that answers first; the number is its name here. */
  connect(network: string): Promise<number>;
  look(link: number): Acquaintance;
  /** Sends a whole message: as it is, or encoded as peers do. */
  sendBytes(link: number, bytes: readonly number[]): boolean;
  sendValue(link: number, value: Value): boolean;
  /** A hello with something else in it. */
  hello(link: number, changes?: Readonly<Record<string, Value>>): boolean;
  /** Messages of this many kinds of garbage; resolves with the number of those that were sent. */
  flood(link: number, options: { readonly seed: number; readonly rounds: number }): Promise<number>;
  /** Frames past the link, right on its data channel. */
  floodFrames(link: number, options: { readonly seed: number; readonly count: number }): number;
  close(link: number): void;
}

declare global {
  interface Window {
    stranger: Stranger;
  }
}

type Known = { readonly link: Link; readonly channel: RTCDataChannel; acquaintance: Acquaintance };

const known: Known[] = [];

/** The channels of this page, in the order in which they were made. */
const channels: RTCDataChannel[] = [];
const createDataChannel = RTCPeerConnection.prototype.createDataChannel;
RTCPeerConnection.prototype.createDataChannel = function (...args) {
  const channel = createDataChannel.apply(this, args);
  channels.push(channel);
  return channel;
};

function knownOf(index: number): Known {
  const one = known[index];
  if (!one) throw new Error(`no link ${index}`);
  return one;
}

/** Numbers in [0, 1) that are the same for the same seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function randomBytes(random: () => number, length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, () => Math.floor(random() * 256));
}

/** Good messages to spoil: those that the members said themselves. */
function overheard(): Uint8Array[] {
  const samples: Uint8Array[] = [encodeMessage({ type: 'detector.ping', sentMs: 1 })];
  for (const { acquaintance } of known) {
    for (const value of acquaintance.heard.slice(-20)) samples.push(encode(value as Value));
  }
  return samples;
}

/** One message that no peer would send. */
function garbage(random: () => number): Uint8Array {
  const samples = overheard();
  const sample = samples[Math.floor(random() * samples.length)] ?? new Uint8Array([1]);
  switch (Math.floor(random() * 6)) {
    case 0:
      return randomBytes(random, 1 + Math.floor(random() * 300));
    case 1: {
      // A good message with some bytes turned.
      const spoiled = sample.slice();
      for (let i = 0; i < 3; i++) {
        spoiled[Math.floor(random() * spoiled.length)] = Math.floor(random() * 256);
      }
      return spoiled;
    }
    case 2:
      return sample.slice(0, 1 + Math.floor(random() * sample.length));
    case 3:
      return encode({ type: 'no.such.message', at: random() });
    case 4:
      return encode(random() < 0.5 ? [1, 'two', null] : 'text');
    default: {
      // As large as a message may be, and nothing in it.
      const large = new Uint8Array(512 * 1024);
      large[0] = 1;
      return large;
    }
  }
}

async function connect(network: string): Promise<number> {
  const bootstrap = new BroadcastBootstrap({ network });
  const { signal } = new AbortController();
  const [contact] = await bootstrap.findMembers({ signal });
  if (!contact) throw new Error('nobody is there');
  const link = await contact.connect({ signal });
  const channel = channels.at(-1);
  if (!channel) throw new Error('a link without a channel');
  const one: Known = { link, channel, acquaintance: { heard: [], end: null } };
  link.onMessage = bytes => {
    const { heard, end } = one.acquaintance;
    one.acquaintance = { heard: [...heard, decode(bytes)?.value], end };
  };
  link.onEnd = end => (one.acquaintance = { ...one.acquaintance, end });
  return known.push(one) - 1;
}

async function flood(
  index: number,
  { seed, rounds }: { readonly seed: number; readonly rounds: number },
): Promise<number> {
  const random = randomOf(seed);
  const { link } = knownOf(index);
  let sentCount = 0;
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < 40; i++) {
      const bytes = garbage(random);
      // What turns out to be a good message after all would be no garbage: leave it out.
      if (decodeMessage(bytes)) continue;
      if (link.send(bytes)) sentCount++;
    }
    await new Promise(resolve => setTimeout(resolve));
  }
  return sentCount;
}

function floodFrames(
  index: number,
  { seed, count }: { readonly seed: number; readonly count: number },
): number {
  const random = randomOf(seed);
  const { channel } = knownOf(index);
  for (let i = 0; i < count; i++) {
    switch (i % 4) {
      case 0:
        channel.send(randomBytes(random, 1 + Math.floor(random() * 100)));
        break;
      case 1:
        channel.send('text, of which there is none in the protocol');
        break;
      case 2:
        // The middle of a message that never began.
        channel.send(
          new Uint8Array([0x71, 0, i, 0, 7, 0x1f, 0xff, 0xff, ...randomBytes(random, 99)]),
        );
        break;
      default:
        // The beginning of one that never goes on, and says that it is larger than any may be.
        channel.send(
          new Uint8Array([0x71, 0, i, 0, 0, 0xff, 0xff, 0xff, ...randomBytes(random, 99)]),
        );
    }
  }
  return count;
}

window.stranger = {
  connect,
  look: index => knownOf(index).acquaintance,
  sendBytes: (index, bytes) => knownOf(index).link.send(Uint8Array.from(bytes)),
  sendValue: (index, value) => knownOf(index).link.send(encode(value)),
  hello: (index, changes = {}) =>
    knownOf(index).link.send(
      encode({
        type: 'hello',
        protocol: 1,
        network: 'test',
        peer: createPeerId(),
        incarnation: 1,
        ...changes,
      }),
    ),
  flood,
  floodFrames,
  close: index => knownOf(index).link.close(),
};
