import { inOpenOpen } from '../kernel/identifier.ts';
import type { SimulatedPeer, Simulation } from './simulation.ts';

/** What is wrong with the ring as a whole, in words; empty when it is perfect. */
export function ringFaults(sim: Simulation): string[] {
  const faults: string[] = [];
  const live = sim.livePeers;
  const members = sortedMembers(sim);
  if (members.length !== live.length) {
    const waiting = live.filter(host => !members.includes(host));
    faults.push(`not members: ${waiting.map(describeStanding).join(', ')}`);
  }
  members.forEach((host, i) => {
    const next = members[(i + 1) % members.length];
    const before = members[(i - 1 + members.length) % members.length];
    const state = host.peer?.ring.state;
    if (!state || !next || !before) return;
    if (state.succ.peer !== next.id) {
      faults.push(`${host.id}: succ ${state.succ.peer}, not ${next.id}`);
    }
    if (state.pred.peer !== before.id) {
      faults.push(`${host.id}: pred ${state.pred.peer}, not ${before.id}`);
    }
    if (state.isPredSuspected) faults.push(`${host.id}: suspects its predecessor`);
    const branch = [...state.predList.keys()].filter(peer => peer !== state.pred.peer);
    if (branch.length > 0) faults.push(`${host.id}: branch of ${branch.join(', ')}`);
  });
  return faults;
}

/** Pairs of peers that claim the same identifiers just now. */
export function overlaps(sim: Simulation): string[] {
  const members = sortedMembers(sim);
  const faults: string[] = [];
  for (const host of members) {
    const state = host.peer?.ring.state;
    if (!state || members.length < 2) continue;
    for (const other of members) {
      const position = other.peer?.ring.state.self.position;
      if (other === host || position === undefined) continue;
      if (inOpenOpen(position, state.pred.position, state.self.position)) {
        faults.push(`${host.id} claims where ${other.id} stands`);
      }
    }
  }
  return faults;
}

/** Cells that are not active at the peer that the ring makes responsible for them. */
export function cellFaults(sim: Simulation): string[] {
  const faults: string[] = [];
  for (const host of sim.members) {
    const keeper = host.peer?.keeper;
    const state = host.peer?.ring.state;
    if (!keeper || !state) continue;
    const run = keeper.placement.cellsIn(state.pred.position, state.self.position);
    const own = run ? [...keeper.placement.each(run)] : [];
    const missing = own.filter(cell => keeper.state(cell) !== 'active');
    if (missing.length > 0) faults.push(`${host.id}: ${missing.length} cells not active`);
    const handing = keeper.cellsIn('handing').length;
    if (handing > 0) faults.push(`${host.id}: ${handing} cells still being handed on`);
  }
  return faults;
}

function sortedMembers(sim: Simulation): SimulatedPeer[] {
  const position = (host: SimulatedPeer) => host.peer?.ring.state.self.position ?? 0;
  return sim.members.sort((a, b) => position(a) - position(b));
}

function describeStanding(host: SimulatedPeer): string {
  return `${host.id} (${host.peer?.ring.state.standing ?? 'down'})`;
}

/**
 * Counts the moments at which two peers claim the same identifier. Ranges change only when a peer
 * joins or its predecessor changes, so only then, and only for that peer, is anything looked at.
 */
export class OverlapCounter {
  #count = 0;

  constructor(sim: Simulation) {
    sim.onEvent.push((host, event) => {
      if (event.type !== 'ring.joined' && event.type !== 'ring.predChanged') return;
      const state = host.peer?.ring.state;
      if (!state || state.standing !== 'member') return;
      for (const other of sim.members) {
        const theirs = other.peer?.ring.state;
        if (!theirs || other === host) continue;
        const isInOurs = state.isResponsible(theirs.self.position);
        if (isInOurs || theirs.isResponsible(state.self.position)) this.#count += 1;
      }
    });
  }

  get count(): number {
    return this.#count;
  }
}
