import type { IncomingMessage, ServerResponse } from 'node:http';
import { Refusal } from './protocol.ts';

/** Open to every page: what protects a network is that its peers trust each other, not this. */
const CORS_HEADERS = { 'access-control-allow-origin': '*' };

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, {
    ...CORS_HEADERS,
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(`${JSON.stringify(body)}\n`);
}

export function sendRefusal(response: ServerResponse, { status, code, message }: Refusal): void {
  sendJson(response, status, { error: { code, message } });
}

/** Answers the question that a browser asks before a request of a kind that forms cannot make. */
export function sendPreflight(response: ServerResponse, methods: string): void {
  response.writeHead(204, {
    ...CORS_HEADERS,
    'access-control-allow-methods': methods,
    'access-control-allow-headers': 'content-type',
    'access-control-max-age': '86400',
  });
  response.end();
}

/** Throws a `Refusal` unless the request has one of these methods. */
export function requireMethod(
  request: IncomingMessage,
  response: ServerResponse,
  methods: readonly string[],
): void {
  if (methods.includes(request.method ?? '')) return;
  response.setHeader('allow', methods.join(', '));
  throw new Refusal(405, 'method-not-allowed', `Use ${methods.join(' or ')}.`);
}

/** The whole body as text; throws a `Refusal` if it is too large, broken off or not UTF-8. */
export async function readBody(
  request: IncomingMessage,
  response: ServerResponse,
  bytesMax: number,
): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      bytes += (chunk as Buffer).length;
      if (bytes > bytesMax) break;
      chunks.push(chunk as Buffer);
    }
  } catch (cause) {
    throw new Refusal(400, 'malformed', `The body broke off: ${String(cause)}`);
  }
  if (bytes > bytesMax) {
    // What still comes is thrown away, so that the sender gets to read the answer.
    request.resume();
    response.setHeader('connection', 'close');
    throw new Refusal(413, 'too-large', `The body has more than ${bytesMax} bytes.`);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw new Refusal(400, 'malformed', 'The body is not UTF-8.');
  }
}
