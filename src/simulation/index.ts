export { Simulation, LAN } from './simulation.ts';
export type { SimulatedNetwork, SimulatedPeer, SimulationOptions } from './simulation.ts';
export { cellFaults, overlaps, ringFaults } from './checks.ts';
export { Random } from './random.ts';
export { SimulatedStore } from './simulated-store.ts';
export type { PeerEvent, PeerOp, PeerResult } from '../peer/contract.ts';
export type { RegisterResult } from '../replication/register-client.ts';
export { SPACE, idOf, type Id } from '../kernel/identifier.ts';
export type { PeerId, PeerRef } from '../kernel/machine.ts';
