import { fileURLToPath } from 'node:url';
import type { UserConfig } from 'vite';

/**
 * Dependencies that Vite bundles before it serves a page: CommonJS ones, which a browser cannot load
 * as they are, and those of very many files. Named here, with discovery off, so that no page is
 * ever reloaded in the middle of a test because Vite met something new. All others are ES modules
 * and are served file by file, which also keeps every `lit/…` path on one and the same Lit.
 */
export const PREBUNDLED = [
  'peerjs', // Imports `sdp`, which is CommonJS.
  'simple-peer/simplepeer.min.js', // A UMD file.
  'fast-check', // Several hundred files.
  'chai',
];

/** What the demo under `npm start`, the tests and the build share. */
const config: UserConfig = {
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: './',
  optimizeDeps: { include: PREBUNDLED, noDiscovery: true },
  clearScreen: false,
};

export default config;
