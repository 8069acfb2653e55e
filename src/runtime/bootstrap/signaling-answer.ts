import * as v from 'valibot';
import { TabringError } from '../../kernel/errors.ts';
import { PAGE_ID_PATTERN } from './page-id.ts';

/** The protocol that this page speaks, see `signaling/README.md`. */
const PROTOCOL = 1;

const MEMBERS_MAX = 64;
const ICE_SERVERS_MAX = 16;

/** A longer wait would make this page miss its own lease. */
const WAIT_MS_MAX = 5_000;

const id = v.pipe(v.string(), v.regex(PAGE_ID_PATTERN));
const milliseconds = v.pipe(v.number(), v.minValue(1), v.maxValue(WAIT_MS_MAX));
const members = v.pipe(v.array(id), v.maxLength(MEMBERS_MAX));
const text = v.pipe(v.string(), v.maxLength(512));
const iceUrl = v.pipe(text, v.regex(/^(stun|turn)s?:\S+$/));

/** A browser throws at a server that is none of these, and no connection is made at all. */
const iceServer = v.object({
  urls: v.union([iceUrl, v.pipe(v.array(iceUrl), v.minLength(1), v.maxLength(ICE_SERVERS_MAX))]),
  username: v.exactOptional(text),
  credential: v.exactOptional(text),
});

const helloSchema = v.object({
  protocol: v.literal(PROTOCOL),
  iceServers: v.pipe(v.array(iceServer), v.maxLength(ICE_SERVERS_MAX)),
});

const answerSchema = v.variant('type', [
  v.object({ protocol: v.literal(PROTOCOL), type: v.literal('found'), renewMs: milliseconds }),
  v.object({
    protocol: v.literal(PROTOCOL),
    type: v.literal('join'),
    members: v.pipe(members, v.minLength(1)),
  }),
  v.object({ protocol: v.literal(PROTOCOL), type: v.literal('wait'), waitMs: milliseconds }),
  v.object({
    protocol: v.literal(PROTOCOL),
    type: v.literal('registered'),
    isListed: v.boolean(),
  }),
  v.object({ protocol: v.literal(PROTOCOL), type: v.literal('members'), members }),
  v.object({ protocol: v.literal(PROTOCOL), type: v.literal('withdrawn') }),
]);

const refusalSchema = v.object({ error: v.object({ code: text, message: text }) });

export type SignalingAnswer = v.InferOutput<typeof answerSchema>;

/** Thrown to mean: the server does not know this page's websocket (any more). */
export class NotConnected extends Error {}

/** Reads what the server says of itself. Throws `TabringError`. */
export function parseHello(status: number, body: string): readonly RTCIceServer[] {
  return parse(helloSchema, status, body).iceServers;
}

/** Reads the answer to a request. Throws `NotConnected` or `TabringError`. */
export function parseAnswer(status: number, body: string): SignalingAnswer {
  return parse(answerSchema, status, body);
}

function parse<Schema extends v.GenericSchema>(
  schema: Schema,
  status: number,
  body: string,
): v.InferOutput<Schema> {
  const json = parseJson(body);
  if (status >= 200 && status < 300) {
    const result = v.safeParse(schema, json);
    if (result.success) return result.output;
    throw invalid('its answer is not that of a tabring signaling server');
  }
  const refusal = v.safeParse(refusalSchema, json);
  if (!refusal.success) throw isFromProxy(status, body) ? unreachable(status) : wrongStatus(status);
  const { code, message } = refusal.output.error;
  if (code === 'not-connected') throw new NotConnected(message);
  if (code === 'full') {
    throw new TabringError('signaling-unreachable', `The signaling server is full: ${message}`);
  }
  throw invalid(`it refused a request: ${message}`);
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined; // No schema takes this either.
  }
}

/** What proxies say when the server behind them is not there; Vite's says nothing, with a 500. */
function isFromProxy(status: number, body: string): boolean {
  return (status >= 502 && status <= 504) || (status >= 500 && body.trim() === '');
}

function unreachable(status: number): TabringError {
  return new TabringError(
    'signaling-unreachable',
    `A proxy answers for the signaling server, which is not there (HTTP ${status}).`,
  );
}

function wrongStatus(status: number): TabringError {
  return invalid(`it answered with HTTP ${status}`);
}

export function invalid(why: string): TabringError {
  return new TabringError(
    'signaling-invalid',
    `There is something at the signaling address, but ${why}. Check the address and its path.`,
  );
}
