import type { IceServer } from './protocol.ts';

/** Variables of the environment that say which STUN and TURN servers pages are to use. */
export type IceEnvironment = {
  readonly [name in 'STUN_URLS' | 'TURN_URLS' | 'TURN_USERNAME' | 'TURN_CREDENTIAL']?:
    string | undefined;
};

/** Reads the ICE configuration; throws an `Error` that names the variable that is wrong. */
export function iceServersFrom(environment: IceEnvironment): readonly IceServer[] {
  const stunUrls = urlsFrom('STUN_URLS', environment.STUN_URLS, /^stuns?:\S+$/);
  const turnUrls = urlsFrom('TURN_URLS', environment.TURN_URLS, /^turns?:\S+$/);
  const servers: IceServer[] = [];
  if (stunUrls.length > 0) servers.push({ urls: stunUrls });
  if (turnUrls.length > 0) {
    const { TURN_USERNAME: username = '', TURN_CREDENTIAL: credential = '' } = environment;
    // A browser refuses a TURN server without them, and with it every connection.
    if (username === '' || credential === '') {
      throw new Error('TURN_URLS needs TURN_USERNAME and TURN_CREDENTIAL');
    }
    servers.push({ urls: turnUrls, username, credential });
  }
  return servers;
}

function urlsFrom(name: string, value: string | undefined, pattern: RegExp): readonly string[] {
  const urls = (value ?? '').split(/[\s,]+/).filter(url => url !== '');
  const wrong = urls.find(url => !pattern.test(url));
  if (wrong !== undefined) throw new Error(`${name} has "${wrong}", which is not such an address`);
  return urls;
}
