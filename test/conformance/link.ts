import { expect } from 'chai';
import fc from 'fast-check';
import {
  MESSAGE_BYTES_MAX,
  QUEUE_BYTES_MAX,
  type Link,
  type LinkEnd,
} from '../../src/runtime/link/link.ts';
import { FRAME_BYTES_MAX } from '../../src/runtime/link/framing.ts';

/** Two ends of one open link, on which nothing was said yet, and ways to hurt it. */
export interface LinkPair {
  readonly links: readonly [Link, Link];
  /** Sends from the first end, past its link, what no link would send. */
  sendRaw(data: ArrayBuffer | string): void;
  /** Loses the connection: neither side closes it. */
  break(): void;
}

/** What every `Link` promises. `makePair` may be called again and again; the suite closes links. */
export function runLinkConformance(name: string, makePair: () => Promise<LinkPair>): void {
  describe(`${name} conforms to Link`, () => {
    let pair: LinkPair;
    let a: Link;
    let b: Link;

    beforeEach(async () => {
      pair = await makePair();
      [a, b] = pair.links;
    });

    afterEach(() => {
      // Absent when `makePair` failed, which then is what the test reports.
      for (const link of pair?.links ?? []) link.close();
    });

    describe('messages', () => {
      const sizes = [
        1, 2, 1_000, FRAME_BYTES_MAX - 9, FRAME_BYTES_MAX - 8, FRAME_BYTES_MAX - 7, 2 ** 16, 2 ** 18,
        2 ** 18 + 1, 2 ** 20, MESSAGE_BYTES_MAX - 1, MESSAGE_BYTES_MAX,
      ]; // prettier-ignore

      it('cross whole at every size, in order, both ways at once', async () => {
        const messages = sizes.map((size, index) => filled(size, index));
        const [atA, atB] = [collect(a), collect(b)];
        for (const message of messages) {
          expect(a.send(message)).to.equal(true);
          expect(b.send(message)).to.equal(true);
        }
        expectMessages(await atA.first(sizes.length), messages);
        expectMessages(await atB.first(sizes.length), messages);
      });

      it('cross in order when there are many', async () => {
        const atB = collect(b);
        const messages = Array.from({ length: 5_000 }, (_, i) => filled(1 + (i % 50), i));
        for (const message of messages) expect(a.send(message)).to.equal(true);
        expectMessages(await atB.first(messages.length), messages);
      });

      it('are refused, and nothing queued, when empty or over the limit', async () => {
        const atB = collect(b);
        expect(a.send(new Uint8Array(0))).to.equal(false);
        expect(a.send(new Uint8Array(MESSAGE_BYTES_MAX + 1))).to.equal(false);
        expect(a.queuedBytes).to.equal(0);
        a.send(filled(3, 1));
        expectMessages(await atB.first(1), [filled(3, 1)]);
      });

      it('may be changed by their sender as soon as `send` returns', async () => {
        const atB = collect(b);
        const message = filled(MESSAGE_BYTES_MAX, 7);
        a.send(message);
        message.fill(0);
        expectMessages(await atB.first(1), [filled(MESSAGE_BYTES_MAX, 7)]);
      });

      it('may be views of larger buffers', async () => {
        const atB = collect(b);
        const whole = filled(50_000, 3);
        a.send(whole.subarray(1_000, 40_000));
        expectMessages(await atB.first(1), [whole.slice(1_000, 40_000)]);
      });

      it('wait for `onMessage` and keep their order', async () => {
        a.send(filled(10, 1));
        a.send(filled(100_000, 2));
        await arrived(pair);
        const atB = collect(b);
        a.send(filled(20, 3));
        const expected = [filled(10, 1), filled(100_000, 2), filled(20, 3)];
        expectMessages(await atB.first(3), expected);
      });

      it('go on when a handler throws', async () => {
        const silence = silenceErrors();
        let calls = 0;
        b.onMessage = () => {
          if (++calls === 1) throw new Error('a handler of a test throws');
        };
        for (let i = 0; i < 3; i++) a.send(filled(5, i));
        await until(() => calls === 3);
        silence.stop();
      });
    });

    describe('back-pressure', () => {
      it('refuses what does not fit the queue, and takes more once it is drained', async () => {
        const atB = collect(b);
        const accepted = flood(a);
        expect(accepted * FLOOD_BYTES).to.be.above(QUEUE_BYTES_MAX / 2);
        expect(accepted * FLOOD_BYTES).to.be.at.most(QUEUE_BYTES_MAX);
        expect(a.queuedBytes).to.be.above(QUEUE_BYTES_MAX / 2);
        expect(a.queuedBytes).to.be.at.most(QUEUE_BYTES_MAX + FLOOD_BYTES);
        const messages = await atB.first(accepted);
        messages.forEach((message, i) => expect(message[0]).to.equal(i % 256));
        await until(() => a.queuedBytes === 0);
        expect(a.send(filled(2 ** 20, 9))).to.equal(true);
        expectMessages((await atB.first(accepted + 1)).slice(accepted), [filled(2 ** 20, 9)]);
      });

      it('bounds the number of tiny messages too', async () => {
        let accepted = 0;
        while (a.send(Uint8Array.of(1))) accepted++;
        expect(accepted).to.be.within(10_000, 1_000_000);
        const atB = collect(b);
        await atB.first(accepted);
      });
    });

    describe('garbage', () => {
      it('is counted and harmless: text', async () => {
        const atB = collect(b);
        pair.sendRaw('hello');
        pair.sendRaw('');
        a.send(filled(40_000, 1));
        expectMessages(await atB.first(1), [filled(40_000, 1)]);
        expect(b.malformedCount).to.equal(2);
      });

      it('is counted and harmless: any bytes, between good messages', async function () {
        this.timeout(60_000);
        const atB = collect(b);
        let sentCount = 0;
        let garbageCount = 0;
        const bytes = fc.uint8Array({ minLength: 0, maxLength: 300 });
        const property = fc.asyncProperty(fc.array(bytes, { maxLength: 8 }), async garbage => {
          for (const frame of garbage) pair.sendRaw(frame.slice().buffer);
          garbageCount += garbage.length;
          a.send(filled(20_000, ++sentCount));
          expectMessages((await atB.first(sentCount)).slice(-1), [filled(20_000, sentCount)]);
        });
        await fc.assert(property, { numRuns: 100, seed: 1 });
        expect(garbageCount, 'too mild a test').to.be.above(100);
        expect(b.malformedCount).to.equal(garbageCount);
      });
    });

    describe('the end', () => {
      it('is told to both sides, once, when one closes', async () => {
        const ends = [watchEnd(a), watchEnd(b)];
        a.close();
        a.close();
        expect(ends[0]!.all, 'told from within the call').to.deep.equal([]);
        expect(await ends[0]!.first).to.equal('closed');
        expect(await ends[1]!.first).to.equal('closed-by-peer');
        b.close();
        a.close();
        await nextTasks();
        expect(ends.map(end => end.all)).to.deep.equal([['closed'], ['closed-by-peer']]);
      });

      it('is told to both sides when both close at once', async () => {
        const ends = [watchEnd(a), watchEnd(b)];
        a.close();
        b.close();
        expect(await ends[0]!.first).to.equal('closed');
        expect(await ends[1]!.first).to.equal('closed');
        await nextTasks();
        expect(ends.map(end => end.all.length)).to.deep.equal([1, 1]);
      });

      it('is told as a failure, once, when the connection is lost', async () => {
        const ends = [watchEnd(a), watchEnd(b)];
        pair.break();
        expect(await ends[0]!.first).to.equal('failed');
        expect(await ends[1]!.first).to.be.oneOf(['failed', 'closed-by-peer']);
        await nextTasks();
        expect(ends.map(end => end.all.length)).to.deep.equal([1, 1]);
        expect(a.send(filled(1, 1))).to.equal(false);
      });

      it('waits for `onEnd`', async () => {
        const bEnd = watchEnd(b).first;
        a.close();
        await bEnd;
        expect(await watchEnd(a).first).to.equal('closed');
      });

      it('comes after all the messages before it', async () => {
        const log: string[] = [];
        for (let i = 0; i < 5; i++) a.send(filled(10, i));
        await arrived(pair);
        const bEnd = new Promise<void>(resolve => {
          b.onEnd = () => {
            log.push('end');
            resolve();
          };
          a.close();
          b.onMessage = message => log.push(String(message[0]));
        });
        await bEnd;
        expect(log).to.deep.equal(['0', '1', '2', '3', '4', 'end']);
      });

      it('refuses messages afterwards, on both sides', async () => {
        const ends = [watchEnd(a).first, watchEnd(b).first];
        a.close();
        expect(a.send(filled(1, 1))).to.equal(false);
        await Promise.all(ends);
        expect(a.send(filled(1, 1))).to.equal(false);
        expect(b.send(filled(1, 1))).to.equal(false);
        expect([a.queuedBytes, b.queuedBytes]).to.deep.equal([0, 0]);
      });

      it('brings no more messages to the side that closed', async () => {
        const atA = collect(a);
        b.send(filled(1, 1));
        b.send(filled(100_000, 2));
        const bEnd = watchEnd(b).first;
        a.close();
        await bEnd;
        await nextTasks();
        expect(atA.all).to.deep.equal([]);
      });

      it('brings none to the side that closed even if they were there already', async () => {
        a.send(filled(10, 1));
        await arrived(pair);
        const bEnd = watchEnd(b).first;
        b.close();
        const atB = collect(b);
        await bEnd;
        await nextTasks();
        expect(atB.all).to.deep.equal([]);
      });

      it('comes with a full queue too', async () => {
        const ends = [watchEnd(a).first, watchEnd(b).first];
        flood(a);
        a.close();
        expect(await ends[0]).to.equal('closed');
        expect(await ends[1]).to.equal('closed-by-peer');
      });

      it('does not lose a last small message sent just before', async () => {
        const atB = collect(b);
        const bEnd = watchEnd(b).first;
        a.send(filled(30, 4));
        await atB.first(1); // A goodbye goes over a link that is up, not over one just opening.
        a.send(filled(30, 5));
        a.close();
        await bEnd;
        expectMessages(atB.all.slice(-1), [filled(30, 5)]);
      });
    });
  });
}

const FLOOD_BYTES = 64 * 1024;

/** Sends until the link refuses, and returns how often it did not. */
function flood(link: Link): number {
  let accepted = 0;
  while (link.send(filled(FLOOD_BYTES, accepted))) accepted++;
  return accepted;
}

/** Bytes that differ by position and from message to message; the first is `seed` itself. */
export function filled(size: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i++) bytes[i] = seed + i * 31 + (i >>> 8) * 7;
  return bytes;
}

export function expectMessages(
  actual: readonly Uint8Array[],
  expected: readonly Uint8Array[],
): void {
  expect(actual.map(message => message.length)).to.deep.equal(expected.map(m => m.length));
  actual.forEach((message, i) => {
    expect(firstDifference(message, expected[i]!), `message ${i} differs at`).to.equal(-1);
  });
}

function firstDifference(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return i;
  return -1;
}

/** Keeps what arrives; `first(n)` resolves with the first n messages once they are there. */
export function collect(link: Link): {
  readonly all: Uint8Array[];
  first(count: number): Promise<Uint8Array[]>;
} {
  const all: Uint8Array[] = [];
  let check = (): void => {};
  link.onMessage = message => {
    all.push(message.slice());
    check();
  };
  const first = (count: number): Promise<Uint8Array[]> =>
    new Promise(resolve => {
      check = () => {
        if (all.length >= count) resolve(all.slice(0, count));
      };
      check();
    });
  return { all, first };
}

export function watchEnd(link: Link): {
  readonly all: LinkEnd[];
  readonly first: Promise<LinkEnd>;
} {
  const all: LinkEnd[] = [];
  const first = new Promise<LinkEnd>(resolve => {
    link.onEnd = end => {
      all.push(end);
      resolve(end);
    };
  });
  return { all, first };
}

/** Resolves when all that the first link sent has arrived, whether or not anybody listens to it. */
async function arrived({ links, sendRaw }: LinkPair): Promise<void> {
  const [from, to] = links;
  const count = to.malformedCount;
  await until(() => from.queuedBytes === 0);
  sendRaw('behind everything else, and counted on arrival');
  await until(() => to.malformedCount > count);
}

/** Resolves once the condition holds; the test's own time-out ends a wait in vain. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(resolve => setTimeout(resolve));
}

/** Lets whatever is under way in this page have a few turns. */
export async function nextTasks(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise(resolve => setTimeout(resolve));
}

/** Errors that a test provokes inside event handlers are not the page's. */
function silenceErrors(): { stop(): void } {
  const ofFramework = globalThis.onerror;
  globalThis.onerror = () => true;
  return { stop: () => void (globalThis.onerror = ofFramework) };
}
