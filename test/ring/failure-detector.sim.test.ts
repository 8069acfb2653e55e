import { expect } from 'chai';
import type { PeerId } from '../../src/kernel/machine.ts';
import {
  DETECTOR_CONFIG,
  FailureDetector,
  type DetectorEvent,
} from '../../src/ring/failure-detector.ts';
import type { DetectorMessage } from '../../src/ring/link-message.ts';
import { EventQueue } from '../../src/simulation/event-queue.ts';
import { Random } from '../../src/simulation/index.ts';
import { Recorder } from './recorder.ts';

const peer = 'b' as PeerId;
const { tickMs } = DETECTOR_CONFIG;

type Out = Recorder<DetectorMessage, DetectorEvent>;

function watching(isNear = true): { detector: FailureDetector; out: Out } {
  const detector = new FailureDetector();
  const out: Out = new Recorder();
  detector.start(out);
  detector.watch(peer, out);
  if (isNear) detector.setNear(new Set([peer]), out);
  return { detector, out };
}

/** Ticks until the peer is suspected; the silence that took, or null. */
function silenceUntilSuspected(detector: FailureDetector, out: Out, withinMs: number) {
  const beganMs = out.now;
  while (out.now - beganMs < withinMs) {
    out.now += tickMs;
    detector.onTick(out);
    if (out.take().events.some(({ type }) => type === 'detector.suspect')) return out.now - beganMs;
  }
  return null;
}

describe('FailureDetector', () => {
  it('suspects a silent neighbour within two seconds, but not before one has passed', () => {
    const { detector, out } = watching();
    const silenceMs = silenceUntilSuspected(detector, out, 10_000);
    expect(silenceMs).to.be.within(1_000, 2_000);
    expect(detector.isSuspected(peer)).to.equal(true);
  });

  it('suspects nobody when its own tick came late, until they had time to answer', () => {
    const { detector, out } = watching();
    out.now += 60_000;
    detector.onTick(out);
    expect(out.take().events).to.deep.equal([]);
    expect(silenceUntilSuspected(detector, out, 900)).to.equal(null);
  });

  it('takes a suspicion back at any sign of life, and is more patient each time', () => {
    const { detector, out } = watching();
    const silences: number[] = [];
    for (let i = 0; i < 4; i++) {
      silences.push(silenceUntilSuspected(detector, out, 60_000) ?? Infinity);
      detector.onHeard(peer, out);
      expect(out.take().events).to.deep.equal([{ type: 'detector.alive', peer }]);
    }
    for (let i = 1; i < 4; i++) expect(silences[i]).to.be.above(silences[i - 1]!);
  });

  it('says once that a peer is suspected, and nothing of one that it forgot', () => {
    const { detector, out } = watching();
    silenceUntilSuspected(detector, out, 10_000);
    expect(silenceUntilSuspected(detector, out, 10_000)).to.equal(null);
    detector.forget(peer);
    detector.onHeard(peer, out);
    expect(out.take().events).to.deep.equal([]);
  });

  it('judges a far peer that becomes near anew', () => {
    const { detector, out } = watching(false);
    for (let i = 0; i < 10; i++) {
      out.now += tickMs;
      detector.onTick(out);
    }
    detector.setNear(new Set([peer]), out);
    detector.onTick(out);
    expect(out.take().events).to.deep.equal([]);
  });

  it('measures round trips, and believes no pong that it cannot have asked for', () => {
    const { detector, out } = watching();
    out.now = 500;
    detector.onMessage(peer, { type: 'detector.pong', sentMs: 501 }, out);
    expect(detector.roundTripMs(peer)).to.equal(null);
    detector.onMessage(peer, { type: 'detector.pong', sentMs: 460 }, out);
    expect(detector.roundTripMs(peer)).to.equal(40);
  });

  /**
   * Goal: completeness and eventual accuracy. Method: twelve detectors watch each other through a
   * storm of delays; a third of the peers crash; then the network calms down, and within the most
   * patience that was learnt suspicions must equal the set of the crashed.
   */
  for (let seed = 1; seed <= 10; seed++) {
    it(`suspects exactly the crashed peers once the network is calm (seed ${seed})`, () => {
      const random = new Random(seed);
      const queue = new EventQueue<() => void>();
      const peers = Array.from({ length: 12 }, (_, i) => `p${i}` as PeerId);
      const crashed = new Set<PeerId>();
      let delayMsMax = 3_000;
      let mistakeCount = 0;
      const hosts = new Map(
        peers.map(own => {
          const out: Out = new Recorder();
          return [own, { detector: new FailureDetector(), out }];
        }),
      );
      const step = (own: PeerId, nowMs: number, act: (d: FailureDetector, out: Out) => void) => {
        if (crashed.has(own)) return;
        const { detector, out } = hosts.get(own)!;
        out.now = nowMs;
        act(detector, out);
        const { sent, events } = out.take();
        for (const event of events) {
          if (event.type === 'detector.suspect' && !crashed.has(event.peer)) mistakeCount += 1;
        }
        for (const { to, message } of sent) {
          const atMs = nowMs + random.between(1, delayMsMax);
          queue.push(atMs, () =>
            step(to, atMs, (receiver, inbox) => {
              receiver.onHeard(own, inbox);
              receiver.onMessage(own, message, inbox);
            }),
          );
        }
        const tickAtMs = out.timers.get('detector.tick');
        if (tickAtMs === undefined) return;
        out.timers.delete('detector.tick');
        queue.push(tickAtMs, () => step(own, tickAtMs, (d, inbox) => d.onTick(inbox)));
      };
      const runUntil = (endMs: number) => {
        while (queue.nextMs <= endMs) queue.pop()?.item();
      };
      for (const own of peers) {
        step(own, 0, (detector, out) => {
          detector.start(out);
          for (const other of peers) if (other !== own) detector.watch(other, out);
          detector.setNear(new Set(peers), out);
        });
      }
      runUntil(20_000);
      for (const own of random.sample(peers, 4)) crashed.add(own);
      runUntil(40_000);
      delayMsMax = 20;
      runUntil(100_000);
      expect(mistakeCount, 'the storm never fooled a detector: too mild a test').to.be.above(0);
      for (const own of peers.filter(name => !crashed.has(name))) {
        const { detector } = hosts.get(own)!;
        const suspected = peers.filter(other => detector.isSuspected(other));
        expect(suspected, own).to.have.members([...crashed]);
      }
    });
  }
});
