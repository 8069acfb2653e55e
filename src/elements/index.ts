// `<tab-ring>` first: elements inside it ask for their ring as soon as they are defined.
export { TabRing } from './tab-ring/tab-ring.ts';
export { RingReadyEvent } from './tab-ring/ring-ready-event.ts';
export { RingErrorEvent } from './tab-ring/ring-error-event.ts';
export { RingView } from './ring-view/ring-view.ts';
export { PeerSelectEvent } from './ring-view/peer-select-event.ts';
export { RingStore } from './ring-store/ring-store.ts';
export { KeySelectEvent } from './ring-store/key-select-event.ts';
export { KeysChangeEvent } from './ring-store/keys-change-event.ts';
export { RingLog } from './ring-log/ring-log.ts';
export { RingStatusElement } from './ring-status/ring-status.ts';
export { ringContext } from './shared/context.ts';
