import type { Outbox, PeerId } from '../kernel/machine.ts';
import type { DetectorMessage } from './link-message.ts';

export type DetectorEvent =
  | { readonly type: 'detector.suspect'; readonly peer: PeerId }
  | { readonly type: 'detector.alive'; readonly peer: PeerId };

export type DetectorConfig = {
  /** How often silences are judged. */
  readonly tickMs: number;
  /** A ring neighbour is asked after this much silence, */
  readonly nearPingMs: number;
  /** any other linked peer after this much. */
  readonly farPingMs: number;
  /** Least patience on top of the ping period: garbage collection and busy tabs take that long. */
  readonly patienceMs: number;
  /** Each mistake about a peer multiplies the patience with it. */
  readonly patienceGrowth: number;
  readonly patienceGrowthMax: number;
};

/** With these a dead neighbour is suspected 1.2–1.6 s after its last word. */
export const DETECTOR_CONFIG: DetectorConfig = {
  tickMs: 200,
  nearPingMs: 400,
  farPingMs: 2_000,
  patienceMs: 1_000,
  patienceGrowth: 1.5,
  patienceGrowthMax: 16,
};

type Watch = {
  isNear: boolean;
  lastHeardMs: number;
  lastPingMs: number;
  roundTripMs: number | null;
  deviationMs: number;
  growth: number;
  isSuspected: boolean;
};

type Out = Outbox<DetectorMessage, DetectorEvent>;

/**
 * Eventually perfect failure detector over open links: every crashed peer ends up suspected, and a
 * peer that is not has its suspicion taken back and is given more patience each time, so that
 * mistakes about it stop. (Chandra and Toueg 1996; round trips smoothed as in RFC 6298.)
 *
 * Any message counts as a sign of life, so pings cost nothing on a busy link. A tick that comes
 * late means that this tab slept: then nobody is judged before they had a chance to answer.
 */
export class FailureDetector {
  readonly #config: DetectorConfig;
  readonly #watched = new Map<PeerId, Watch>();
  #lastTickMs = 0;

  constructor(config: DetectorConfig = DETECTOR_CONFIG) {
    this.#config = config;
  }

  start(out: Out): void {
    this.#lastTickMs = out.now;
    out.setTimer('detector.tick', this.#config.tickMs);
  }

  /** Watches the peer at the other end of a link from now on, with a full grace. */
  watch(peer: PeerId, out: Out): void {
    const known = this.#watched.get(peer);
    if (known) {
      known.lastHeardMs = out.now;
      return this.#takeBack(peer, known, out);
    }
    this.#watched.set(peer, {
      isNear: false,
      lastHeardMs: out.now,
      lastPingMs: 0,
      roundTripMs: null,
      deviationMs: 0,
      growth: 1,
      isSuspected: false,
    });
  }

  forget(peer: PeerId): void {
    this.#watched.delete(peer);
  }

  /** Ring neighbours are asked more often than fingers. */
  setNear(peers: ReadonlySet<PeerId>, out: Out): void {
    for (const [peer, watch] of this.#watched) {
      const isNear = peers.has(peer);
      // The silence so far was measured with the long period: judge it anew.
      if (isNear && !watch.isNear && !watch.isSuspected) watch.lastHeardMs = out.now;
      watch.isNear = isNear;
    }
  }

  isSuspected(peer: PeerId): boolean {
    return this.#watched.get(peer)?.isSuspected ?? false;
  }

  /** Smoothed round trip in milliseconds; null before the first answer. */
  roundTripMs(peer: PeerId): number | null {
    return this.#watched.get(peer)?.roundTripMs ?? null;
  }

  /** Anything at all came from this peer. */
  onHeard(peer: PeerId, out: Out): void {
    const watch = this.#watched.get(peer);
    if (!watch) return;
    watch.lastHeardMs = out.now;
    this.#takeBack(peer, watch, out);
  }

  onMessage(from: PeerId, message: DetectorMessage, out: Out): void {
    if (message.type === 'detector.ping') {
      return out.send(from, { type: 'detector.pong', sentMs: message.sentMs });
    }
    const watch = this.#watched.get(from);
    // A pong nobody asked for, or from before this tab's clock began, measures nothing.
    if (!watch || message.sentMs > out.now || message.sentMs < watch.lastPingMs - 60_000) return;
    const sampleMs = out.now - message.sentMs;
    if (watch.roundTripMs === null) {
      watch.roundTripMs = sampleMs;
      watch.deviationMs = sampleMs / 2;
    } else {
      const errorMs = Math.abs(sampleMs - watch.roundTripMs);
      watch.deviationMs += (errorMs - watch.deviationMs) / 4;
      watch.roundTripMs += (sampleMs - watch.roundTripMs) / 8;
    }
  }

  onTick(out: Out): void {
    const { tickMs } = this.#config;
    const didSleep = out.now - this.#lastTickMs > 3 * tickMs;
    this.#lastTickMs = out.now;
    out.setTimer('detector.tick', tickMs);
    for (const [peer, watch] of this.#watched) {
      if (didSleep && !watch.isSuspected) watch.lastHeardMs = out.now;
      this.#judge(peer, watch, out);
    }
  }

  #judge(peer: PeerId, watch: Watch, out: Out): void {
    const { nearPingMs, farPingMs, patienceMs } = this.#config;
    const pingMs = watch.isNear ? nearPingMs : farPingMs;
    const silenceMs = out.now - watch.lastHeardMs;
    if (silenceMs >= pingMs && out.now - watch.lastPingMs >= pingMs) {
      watch.lastPingMs = out.now;
      out.send(peer, { type: 'detector.ping', sentMs: out.now });
    }
    if (watch.isSuspected) return;
    const roundTripMs = (watch.roundTripMs ?? 0) + 4 * watch.deviationMs;
    if (silenceMs <= pingMs + Math.max(patienceMs, roundTripMs) * watch.growth) return;
    watch.isSuspected = true;
    out.emit({ type: 'detector.suspect', peer });
  }

  #takeBack(peer: PeerId, watch: Watch, out: Out): void {
    if (!watch.isSuspected) return;
    watch.isSuspected = false;
    const { patienceGrowth, patienceGrowthMax } = this.#config;
    watch.growth = Math.min(watch.growth * patienceGrowth, patienceGrowthMax);
    out.emit({ type: 'detector.alive', peer });
  }
}
