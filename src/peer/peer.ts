import type { Id } from '../kernel/identifier.ts';
import { unreachable, type PeerId, type PeerRef } from '../kernel/machine.ts';
import { Directory } from '../messaging/directory.ts';
import type { DirectoryRouted } from '../messaging/messaging-message.ts';
import { Survey } from '../messaging/survey.ts';
import { RegisterClient } from '../replication/register-client.ts';
import { ReplicaKeeper } from '../replication/replica-keeper.ts';
import type { Item, ReplicaRouted } from '../replication/replica-message.ts';
import { FailureDetector } from '../ring/failure-detector.ts';
import { LinkTable } from '../ring/link-table.ts';
import type { RingRouted } from '../ring/ring-message.ts';
import { Ring } from '../ring/ring.ts';
import { FingerTable } from '../routing/finger-table.ts';
import { Router, type Delivery } from '../routing/router.ts';
import type { RoutingLookupOk } from '../routing/routing-message.ts';
import type {
  PeerCommand,
  PeerEffect,
  PeerEnvironment,
  PeerEvent,
  PeerInput,
  PeerOp,
  PeerResult,
} from './contract.ts';
import { PeerOutbox } from './outbox.ts';
import type { PeerPlace } from './place.ts';
import { decodeMessage, type PeerMessage, type RoutedPayload } from './protocol.ts';
import { readRecords } from './records.ts';

/** A suspected peer's link is given up after this long without a sign of life. */
const SILENT_LINK_MS = 20_000;

/**
 * One peer: all core modules wired together. The only place that knows them all. Pure and
 * synchronous: a step takes one input and returns what is to be done.
 */
export class Peer {
  readonly ring: Ring;
  readonly links: LinkTable;
  readonly detector: FailureDetector;
  readonly router: Router<RoutedPayload>;
  readonly fingers: FingerTable;
  readonly directory: Directory;
  /** Null until the peer has a place and knows the terms of its ring. */
  keeper: ReplicaKeeper | null = null;
  readonly counters = new Map<string, number>();
  /** Where the peer stood before, as its store says; null for a new one. */
  readonly formerPlace: PeerPlace | null;
  readonly #survey: Survey;
  readonly #out: PeerOutbox;
  readonly #items: readonly Item[];
  readonly #suspectedSince = new Map<PeerId, number>();
  #register: RegisterClient | null = null;

  constructor(environment: PeerEnvironment) {
    const { peer, incarnation, config = {} } = environment;
    const { place, items, damagedCount } = readRecords(environment.records);
    this.formerPlace = place;
    this.#items = items;
    const self: PeerRef = { peer, incarnation, position: place?.position ?? (0 as Id) };
    const out = new PeerOutbox(environment, this.counters);
    this.#out = out;
    if (damagedCount > 0) this.counters.set('store.damaged', damagedCount);
    this.detector = new FailureDetector(config.detector);
    this.links = new LinkTable(
      () => this.ring.state.self,
      {
        nextHop: (position, tried) => this.router.nextHop(position, tried),
        isSuspected: peer => this.detector.isSuspected(peer),
      },
      config.links,
    );
    this.ring = new Ring(self, this.links, this.#joinRouter(), config.ring);
    const { state } = this.ring;
    this.fingers = new FingerTable(state, config.fingers);
    this.router = new Router<RoutedPayload>({
      ring: state,
      links: this.links,
      detector: this.detector,
      shortcuts: () => this.fingers.refs(),
      deliver: delivery => this.#onDelivery(delivery),
      ...(config.router && { config: config.router }),
    });
    this.directory = new Directory(state, this.#moduleRouter<DirectoryRouted>());
    this.#survey = new Survey(state, this.links, () => this.keeper?.items.size ?? 0);
    this.detector.start(out);
  }

  /** Handles one input to its end. */
  step(input: PeerInput): readonly PeerEffect[] {
    this.#handle(input);
    for (let event = this.#out.nextEvent(); event; event = this.#out.nextEvent()) {
      this.#onEvent(event);
    }
    return this.#out.take();
  }

  /** Effects of the construction itself: the driver carries them out before the first step. */
  start(): readonly PeerEffect[] {
    return this.#out.take();
  }

  #handle(input: PeerInput): void {
    const out = this.#out;
    switch (input.type) {
      case 'message': {
        const message = decodeMessage(input.bytes);
        if (!message) return out.count('message.malformed');
        return this.#onMessage(input.from, message);
      }
      case 'plainMessage':
        return this.#onMessage(input.from, input.message);
      case 'timer':
        return this.#onTimer(input.name);
      case 'command':
        return this.#onCommand(input.command);
      case 'linkUp':
        return this.links.onUp(input.peer, input.session, input, out);
      case 'linkDown':
        return this.links.onDown(input.peer, out);
      case 'linkFailed':
        return this.links.onFailed(input.peer, input.session, out);
      case 'linkSignal':
        return this.links.onSignal(input.peer, input.session, input.data, out);
      default:
        return unreachable(input);
    }
  }

  #onMessage(from: PeerId, message: PeerMessage): void {
    const out = this.#out;
    const isOwn = from === this.ring.state.self.peer;
    // Only the driver hands a peer its own messages: answers that waited for the disk.
    if (!isOwn && !this.links.isOpen(from)) return out.count('message.stray');
    if (!isOwn) this.detector.onHeard(from, out);
    switch (message.type) {
      case 'link.signal':
      case 'link.unreachable':
      case 'link.goodbye':
        return this.links.onMessage(from, message, out);
      case 'detector.ping':
      case 'detector.pong':
        return this.detector.onMessage(from, message, out);
      case 'route.forward':
      case 'route.answer':
      case 'route.failed':
        return this.router.onMessage(from, message, out);
      case 'replica.offer':
      case 'replica.installed':
      case 'replica.spare':
        if (!this.keeper) return out.count('replica.tooEarly');
        return this.keeper.onMessage(from, message, out);
      case 'directory.records':
        return this.directory.onRecords(message, out);
      case 'survey.visit':
        return this.#survey.onMessage(from, message, out);
      default:
        return this.ring.onMessage(from, message, out);
    }
  }

  #onTimer(name: string): void {
    const out = this.#out;
    const module = name.slice(0, name.indexOf('.'));
    switch (module) {
      case 'link':
        return this.links.onTimer(out);
      case 'detector':
        this.detector.setNear(this.ring.nearPeers(), out);
        this.#hangUpOnSilent();
        return this.detector.onTick(out);
      case 'ring':
        return this.ring.onTimer(name, out);
      case 'router':
        return this.router.onTimer(out);
      case 'fingers':
        return this.fingers.onTimer(this.#fingerPorts(), out);
      case 'directory':
        return this.directory.publish(out);
      case 'survey':
        return this.#survey.onTimer(out);
      case 'replica':
        return this.keeper?.onTimer(name, out);
      case 'register':
        return this.#register?.onTimer(out);
      default:
        return out.count('peer.strangeTimer');
    }
  }

  #onCommand(command: PeerCommand): void {
    const out = this.#out;
    switch (command.type) {
      case 'found':
        this.ring.state.self = { ...this.ring.state.self, position: command.position };
        return this.ring.found(command.terms, out);
      case 'join':
        return this.ring.join({ position: command.position }, out);
      case 'actAlone':
        return this.ring.actAlone(out);
      case 'leave':
        return this.ring.leave(out);
      case 'goodbye':
        for (const peer of this.links.openLinks.keys()) out.send(peer, { type: 'link.goodbye' });
        this.ring.state.standing = 'gone';
        return;
      case 'call':
        return this.#onCall(command.call, command.timeoutMs, command.op);
      default:
        return unreachable(command);
    }
  }

  #onCall(call: number, timeoutMs: number, op: PeerOp): void {
    const out = this.#out;
    const done = (result: PeerResult) => out.emit({ type: 'call.done', call, result });
    const register = this.#register;
    switch (op.type) {
      case 'get':
        if (!register) return done({ type: 'nothing' });
        if (op.isLocal) return register.getLocal(op.key, timeoutMs, done, out);
        return register.get(op.key, timeoutMs, done, out);
      case 'put':
        if (!register) return done({ type: 'nothing' });
        return register.put(op.key, op.value, timeoutMs, done, out);
      case 'inspect':
        if (!register) return done({ type: 'nothing' });
        return register.inspect(op.key, timeoutMs, done);
      case 'lookup':
        return this.#lookup(op.key, timeoutMs, answer => {
          if (!answer) return done({ type: 'nothing' });
          done({ type: 'found', owner: answer.owner, hops: answer.hops });
        });
      case 'resolve':
        return this.directory.resolve(op.peer, ref => done({ type: 'resolved', ref }), out);
      case 'survey':
        return this.#survey.start(
          timeoutMs,
          members => done(members ? { type: 'members', members } : { type: 'nothing' }),
          out,
        );
      default:
        return unreachable(op);
    }
  }

  #onDelivery(delivery: Delivery<RoutedPayload>): void {
    const out = this.#out;
    const { payload, trail, request } = delivery;
    switch (payload.type) {
      case 'ring.join':
      case 'ring.joinLater':
      case 'ring.positionTaken':
      case 'ring.leave':
      case 'ring.leaveOk':
      case 'ring.leaveLater':
        return this.ring.onRouted(payload, trail, out);
      case 'routing.lookup': {
        const { self, pred } = this.ring.state;
        const hops = trail.length;
        const answer: RoutingLookupOk = {
          type: 'routing.lookupOk',
          owner: self,
          from: pred.position,
          hops,
        };
        return this.router.answer({ trail, request, payload: answer }, out);
      }
      case 'routing.lookupOk':
        return out.count('route.strangeDelivery'); // An answer nobody asked for.
      case 'directory.publish':
      case 'directory.publishOk':
      case 'directory.resolve':
      case 'directory.resolveOk':
        return this.directory.onDelivery({ ...delivery, payload }, out);
      default:
        if (!this.keeper) return out.count('replica.tooEarly');
        return this.keeper.onDelivery({ ...delivery, payload }, out);
    }
  }

  /** Tells the modules what others of them found out; upward only, and in one place. */
  #onEvent(event: PeerEvent): void {
    const out = this.#out;
    switch (event.type) {
      case 'link.up':
        this.detector.watch(event.peer, out);
        this.#suspectedSince.delete(event.peer);
        return this.ring.onLinkUp(event.peer, event.incarnation, out);
      case 'link.down':
        this.detector.forget(event.peer);
        return this.#onLost(event.peer, event.isCertain);
      case 'link.failed':
        return this.ring.onLinkFailed(event.peer, out);
      case 'detector.suspect':
        this.#suspectedSince.set(event.peer, out.now);
        return this.#onLost(event.peer, false);
      case 'detector.alive':
        this.#suspectedSince.delete(event.peer);
        return this.ring.onAlive(event.peer, out);
      case 'ring.joined':
        return this.#onJoined();
      case 'ring.predChanged':
        this.fingers.wake(out);
        if (!event.isGained) this.directory.onRangeLost(event.pred, out);
        return this.keeper?.onRangeChanged(event, out);
      case 'ring.succChanged':
        this.fingers.wake(out);
        return this.keeper?.onSuccChanged(out);
      case 'ring.handedOver':
        if (this.keeper) return this.keeper.handOverAll(event.to, out);
        return out.emit({ type: 'replica.drained' });
      default:
        return; // For the driver only.
    }
  }

  #onLost(peer: PeerId, isCertain: boolean): void {
    const out = this.#out;
    this.ring.onSuspect(peer, isCertain, out);
    if (this.fingers.remove(peer)) {
      this.fingers.wake(out);
      out.emit({ type: 'fingers.changed' });
    }
    this.router.onLost(peer, out);
    this.keeper?.onLost(peer, out);
  }

  #onJoined(): void {
    const out = this.#out;
    const { state } = this.ring;
    if (!this.keeper && state.terms) {
      const place: PeerPlace = { position: state.self.position, terms: state.terms };
      out.persist([{ table: 'meta', key: 'place', value: place }], 'strict');
      const router = this.#moduleRouter<ReplicaRouted>();
      this.keeper = new ReplicaKeeper(state, router, this.#items);
      this.#register = new RegisterClient(() => state.self, this.keeper, router);
      if (state.isAlone) this.keeper.found(out);
      else this.keeper.joined(out);
    }
    this.fingers.wake(out);
    this.directory.publish(out);
    this.router.onJoined(out);
  }

  #lookup(
    key: Id,
    timeoutMs: number,
    onAnswer: (answer: RoutingLookupOk | null) => void,
    options: { via?: PeerId; hasRetries?: boolean } = {},
  ): void {
    this.router.request(
      key,
      { type: 'routing.lookup' },
      { timeoutMs, ...options },
      answer => onAnswer(answer?.type === 'routing.lookupOk' ? answer : null),
      this.#out,
    );
  }

  #fingerPorts() {
    const out = this.#out;
    return {
      lookup: (
        ideal: Id,
        timeoutMs: number,
        onAnswer: (found: { owner: PeerRef; from: Id } | null) => void,
      ) => this.#lookup(ideal, timeoutMs, onAnswer),
      connect: (ref: PeerRef) =>
        this.links.connect(ref.peer, { path: [], position: ref.position }, out),
      onChange: () => out.emit({ type: 'fingers.changed' }),
    };
  }

  #joinRouter() {
    return {
      sendTo: (key: Id, message: RingRouted, contact: PeerId | null) =>
        this.router.send(key, message, { via: contact }, this.#out),
      answer: (trail: readonly PeerId[], message: RingRouted) =>
        this.router.answer({ trail, request: null, payload: message }, this.#out),
      sample: (key: Id, contact: PeerId, onAnswer: (owner: PeerRef, from: Id) => void) =>
        this.#lookup(
          key,
          1_000,
          answer => {
            if (answer) onAnswer(answer.owner, answer.from);
          },
          { via: contact, hasRetries: false },
        ),
    };
  }

  /** The router as a module above it sees it: its own messages, and no outbox to pass. */
  #moduleRouter<Payload extends RoutedPayload>() {
    return {
      request: (
        key: Id,
        payload: Payload,
        options: Parameters<Router<RoutedPayload>['request']>[2],
        onAnswer: (answer: Payload | null) => void,
      ) =>
        this.router.request(
          key,
          payload,
          options,
          // Each module tells by the type whether an answer is one of its own.
          answer => onAnswer(answer as Payload | null),
          this.#out,
        ),
      answer: (to: Omit<Delivery<Payload>, 'key'>) => this.router.answer(to, this.#out),
      handOn: (to: PeerId, delivery: Delivery<Payload>) =>
        this.router.handOn(to, delivery, this.#out),
    };
  }

  /** A peer that has been silent for long is not coming back over the same link. */
  #hangUpOnSilent(): void {
    for (const [peer, sinceMs] of this.#suspectedSince) {
      if (this.#out.now - sinceMs < SILENT_LINK_MS) continue;
      this.#suspectedSince.delete(peer);
      this.detector.forget(peer);
      this.links.hangUp(peer, this.#out);
    }
  }
}
