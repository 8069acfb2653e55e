import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

/** Bytes of one entry point with all its dependencies: as it is, and as servers send it. */
export interface Size {
  readonly minified: number;
  readonly gzip: number;
  readonly brotli: number;
}

/**
 * `library` is all of it, `libraryAtStart` what a page loads before it needs more: peerjs follows when
 * there is a signaling server to talk to. `elements` is the one file that has everything.
 */
export type EntryName = 'library' | 'libraryAtStart' | 'elements';

/**
 * Brotli bytes that an entry point may have. More than half of them are given: peerjs with its
 * webrtc-adapter is 24 kB, simple-peer 24, MessagePack 9, valibot, SHA-256 and idb 5, Lit 7. Who
 * exceeds this should find out why before raising it.
 */
export const BUDGET_BYTES: Readonly<Record<EntryName, number>> = {
  library: 105_000,
  libraryAtStart: 80_000,
  elements: 130_000,
};

/** Of one file, or of several, which a server compresses each on its own. */
export function sizeOf(...files: readonly string[]): Size {
  const sizes = files.map(sizeOfFile);
  const sum = (unit: keyof Size) => sizes.reduce((total, size) => total + size[unit], 0);
  return { minified: sum('minified'), gzip: sum('gzip'), brotli: sum('brotli') };
}

function sizeOfFile(code: string): Size {
  const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
  return {
    minified: Buffer.byteLength(code),
    gzip: gzipSync(code, { level: constants.Z_BEST_COMPRESSION }).length,
    brotli: brotliCompressSync(code, { params }).length,
  };
}

/** A sentence for every budget that is exceeded. */
export function overBudget(sizes: Readonly<Record<EntryName, Size>>): string[] {
  return Object.entries(BUDGET_BYTES).flatMap(([name, budget]) => {
    const { brotli } = sizes[name as EntryName];
    if (brotli <= budget) return [];
    return `${name} is ${brotli} bytes with brotli, over its budget of ${budget}`;
  });
}

export function describeSizes(sizes: Readonly<Record<EntryName, Size>>): string {
  const rows = Object.entries(sizes).map(([name, { minified, gzip, brotli }]) =>
    [name.padEnd(16), ...[minified, gzip, brotli].map(inKilobytes)].join(''),
  );
  const head = [
    'entry point'.padEnd(16),
    ...['minified', 'gzip', 'brotli'].map(unit => unit.padStart(11)),
  ];
  return [head.join(''), ...rows].join('\n');
}

function inKilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`.padStart(11);
}
