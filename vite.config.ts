import { fileURLToPath } from 'node:url';
import type { Plugin, UserConfig } from 'vite';

/**
 * Dependencies that Vite bundles before it serves a page, because a browser cannot load them as they
 * are. Named here, with discovery off, so that no page is ever reloaded in the middle of
 * something because Vite met a new one. All others are ES modules and are served file by file,
 * which also keeps every `lit/…` path on one and the same Lit.
 */
const PREBUNDLED = [
  'peerjs', // Imports `sdp`, which is CommonJS.
  'simple-peer/simplepeer.min.js', // A UMD file.
];

/**
 * Stands in for Vite's client, which reloads pages and fails loudly without its websocket. What pages
 * ask of it is left: `import.meta.hot` is undefined, and a dynamic import of an address that is
 * known only when it runs gets the query by which Vite knows imports.
 */
const CLIENT = `
export const createHotContext = () => undefined;
export const injectQuery = (url, query) =>
  /^[./]/.test(url) ? url.replace(/[?#]|$/, end => '?' + query + (end === '?' ? '&' : end)) : url;
`;

/** A tab is a peer: it is not reloaded behind its user's back. Edits show on the next reload. */
const WITHOUT_RELOADS: Plugin = {
  name: 'tabring:without-reloads',
  config: () => ({ server: { hmr: false, ws: false } }),
  configureServer({ middlewares }) {
    middlewares.use('/@vite/client', (_, response) => {
      response.setHeader('content-type', 'text/javascript').end(CLIENT);
    });
  },
};

/** What the demo under `npm start`, the tests and the build share. */
const config: UserConfig = {
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: './',
  optimizeDeps: { include: PREBUNDLED, noDiscovery: true },
  plugins: [WITHOUT_RELOADS],
  clearScreen: false,
};

export default config;
