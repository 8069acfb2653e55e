import type { PeerId } from '../kernel/machine.ts';
import type { PeerEvent } from '../peer/contract.ts';
import type { TraceEntry } from './events.ts';

type Line = Pick<TraceEntry, 'topic' | 'text'>;

/** What a peer's event means, for the log; null for what nobody wants to read. */
export function describeEvent(event: PeerEvent): Line | null {
  switch (event.type) {
    case 'ring.joined':
      return { topic: 'ring', text: 'has a place on the ring' };
    case 'ring.joinFailed':
      return { topic: 'ring', text: 'found no place on the ring' };
    case 'ring.predChanged': {
      const verb = event.isGained ? 'takes over from' : 'gives part of its range to';
      const other = event.isGained ? event.from : event.pred;
      return { topic: 'ring', text: `${verb} ${short(other.peer)}` };
    }
    case 'ring.isolated':
      return { topic: 'ring', text: 'reaches no other peer' };
    case 'ring.handedOver':
      return { topic: 'ring', text: 'has left its place' };
    case 'link.up':
      return { topic: 'link', text: `link to ${short(event.peer)} is open` };
    case 'link.down': {
      const how = event.isCertain ? 'said goodbye' : 'is gone: its link has ended';
      return { topic: 'link', text: `${short(event.peer)} ${how}` };
    }
    case 'link.failed':
      return { topic: 'link', text: `no link to ${short(event.peer)} could be made` };
    case 'detector.suspect':
      return { topic: 'detector', text: `suspects ${short(event.peer)}` };
    case 'detector.alive':
      return { topic: 'detector', text: `${short(event.peer)} is alive after all` };
    case 'replica.degraded':
      return {
        topic: 'store',
        text: `too many replicas were lost at once: ${event.cellCount} cells go on with what is left`,
      };
    case 'replica.drained':
      return { topic: 'store', text: 'has handed everything over' };
    default:
      return null;
  }
}

function short(peer: PeerId): string {
  return peer.slice(0, 6);
}
