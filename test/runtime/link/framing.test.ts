import { expect } from 'chai';
import fc from 'fast-check';
import {
  cutIntoFrames,
  FRAME_BYTES_MAX,
  FRAME_MARK,
  HEADER_BYTES,
  PAYLOAD_BYTES_MAX,
  Reassembler,
} from '../../../src/runtime/link/framing.ts';
import { MESSAGE_BYTES_MAX } from '../../../src/runtime/link/link.ts';
import { expectMessages, filled } from '../../conformance/link.ts';

function takeAll(reassembler: Reassembler, frames: readonly Uint8Array[]): Uint8Array[] {
  return frames.map(frame => reassembler.take(frame)).filter(message => message !== null);
}

function frame(fields: {
  mark?: number;
  number?: number;
  index?: number;
  bytes: number;
  payload: number;
}): Uint8Array {
  const result = new Uint8Array(HEADER_BYTES + fields.payload);
  const view = new DataView(result.buffer);
  view.setUint8(0, fields.mark ?? FRAME_MARK);
  view.setUint16(1, fields.number ?? 0);
  view.setUint16(3, fields.index ?? 0);
  view.setUint8(5, fields.bytes >>> 16);
  view.setUint16(6, fields.bytes);
  return result;
}

/** Sizes around the borders of frames, and any others; seldom the largest, which take their time. */
const size = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 3 * PAYLOAD_BYTES_MAX }) },
  { weight: 4, arbitrary: borderOf(4) },
  { weight: 1, arbitrary: borderOf(MESSAGE_BYTES_MAX / PAYLOAD_BYTES_MAX) },
);

function borderOf(framesMax: number): fc.Arbitrary<number> {
  return fc
    .tuple(fc.integer({ min: 1, max: Math.ceil(framesMax) }), fc.integer({ min: -1, max: 1 }))
    .map(([frames, off]) => Math.min(frames * PAYLOAD_BYTES_MAX + off, MESSAGE_BYTES_MAX));
}

/** Bytes of no frame, and frames with every field set as if by accident. */
const garbage = fc.oneof(
  fc.uint8Array({ maxLength: 64 }),
  fc
    .record({
      mark: fc.constantFrom(FRAME_MARK, FRAME_MARK, FRAME_MARK + 1),
      number: fc.integer({ min: 0, max: 3 }),
      index: fc.integer({ min: 0, max: 4 }),
      bytes: fc.oneof(
        fc.integer({ min: 0, max: 3 * PAYLOAD_BYTES_MAX }),
        fc.integer({ min: 0, max: 2 ** 24 - 1 }),
      ),
      payload: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.constant(PAYLOAD_BYTES_MAX)),
    })
    .map(frame),
);

describe('framing', () => {
  it('cuts into frames of at most 16 KiB that give the message back (property)', () => {
    fc.assert(
      fc.property(fc.array(size, { minLength: 1, maxLength: 5 }), fc.nat(), (sizes, first) => {
        const reassembler = new Reassembler();
        const messages = sizes.map((bytes, i) => filled(bytes, i));
        const frames = messages.flatMap((message, i) => cutIntoFrames(message, first + i));
        for (const one of frames) expect(one.length).to.be.within(9, FRAME_BYTES_MAX);
        expectMessages(takeAll(reassembler, frames), messages);
        expect(reassembler.malformedCount).to.equal(0);
      }),
      { numRuns: 100, seed: 1 },
    );
  });

  it('lets the good messages through whatever else arrives between them (fuzzed)', () => {
    let droppedCount = 0;
    fc.assert(
      fc.property(fc.array(garbage, { maxLength: 20 }), size, (frames, bytes) => {
        const reassembler = new Reassembler();
        for (const one of frames) reassembler.take(one);
        // A number that the garbage does not use: nothing of it can be taken for this message's.
        const got = takeAll(reassembler, cutIntoFrames(filled(bytes, 5), 9));
        expectMessages(got, [filled(bytes, 5)]);
        droppedCount += reassembler.malformedCount;
      }),
      { numRuns: 500, seed: 1 },
    );
    expect(droppedCount, 'too mild a test').to.be.above(1_000);
  });

  it('keeps a message under way when single bad frames come in between (fuzzed)', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 9 }), junk => {
        const reassembler = new Reassembler();
        const frames: Uint8Array[] = cutIntoFrames(filled(10 * PAYLOAD_BYTES_MAX, 5), 0);
        junk.forEach((one, i) => frames.splice(2 * i + 1, 0, one));
        expectMessages(takeAll(reassembler, frames), [filled(10 * PAYLOAD_BYTES_MAX, 5)]);
        expect(reassembler.malformedCount).to.equal(junk.length);
      }),
      { numRuns: 200, seed: 1 },
    );
  });

  it('never mixes two messages, whichever frames are lost, doubled or out of place (fuzzed)', () => {
    const sizes = [3 * PAYLOAD_BYTES_MAX, 20, 3 * PAYLOAD_BYTES_MAX, 2 * PAYLOAD_BYTES_MAX + 1];
    const messages = sizes.map((bytes, i) => filled(bytes, i));
    const frames = messages.flatMap((message, i) => cutIntoFrames(message, i));
    const order = fc.array(fc.integer({ min: 0, max: frames.length - 1 }), { maxLength: 40 });
    let messageCount = 0;
    fc.assert(
      fc.property(order, indexes => {
        const got = takeAll(new Reassembler(), indexes.map(i => frames[i]!)); // prettier-ignore
        for (const message of got) expectMessages([message], [messages[message[0]!]!]);
        messageCount += got.length;
      }),
      { numRuns: 2_000, seed: 1 },
    );
    expect(messageCount, 'too mild a test').to.be.above(1_000);
  });

  const bad = {
    'nothing at all': new Uint8Array(0),
    'a header cut short': frame({ bytes: 1, payload: 1 }).subarray(0, 5),
    'no payload': frame({ bytes: 0, payload: 0 }),
    'a header alone': frame({ bytes: 1, payload: 0 }),
    'another mark': frame({ mark: FRAME_MARK + 1, bytes: 3, payload: 3 }),
    'a payload longer than the message': frame({ bytes: 3, payload: 4 }),
    'a payload shorter than the message': frame({ bytes: 5, payload: 4 }),
    'a first frame that is not full': frame({ bytes: 2 * PAYLOAD_BYTES_MAX, payload: 100 }),
    'a frame over the limit': frame({
      bytes: 2 * PAYLOAD_BYTES_MAX,
      payload: PAYLOAD_BYTES_MAX + 1,
    }),
    'a message over the limit': frame({ bytes: MESSAGE_BYTES_MAX + 1, payload: PAYLOAD_BYTES_MAX }),
    'an index past the end': frame({ bytes: 3, index: 1, payload: 3 }),
    'a frame of no message': frame({ bytes: PAYLOAD_BYTES_MAX + 3, index: 1, payload: 3 }),
  };
  for (const [what, one] of Object.entries(bad)) {
    it(`drops and counts ${what}`, () => {
      const reassembler = new Reassembler();
      expect(reassembler.take(one)).to.equal(null);
      expect(reassembler.malformedCount).to.equal(1);
      expectMessages(takeAll(reassembler, cutIntoFrames(filled(30_000, 1), 4)), [
        filled(30_000, 1),
      ]);
      expect(reassembler.malformedCount).to.equal(1);
    });
  }

  it('counts a message whose end never came', () => {
    const reassembler = new Reassembler();
    reassembler.take(cutIntoFrames(filled(50_000, 1), 1)[0]!);
    expectMessages(takeAll(reassembler, cutIntoFrames(filled(5, 1), 2)), [filled(5, 1)]);
    expect(reassembler.malformedCount).to.equal(1);
  });
});
