import * as v from 'valibot';
import { decode, encode } from '../kernel/codec.ts';
import {
  messagingRoutedSchemas,
  messagingSchemas,
  type DirectoryRecords,
  type DirectoryRouted,
  type SurveyVisit,
} from '../messaging/messaging-message.ts';
import {
  replicaRoutedSchemas,
  replicaSchemas,
  type ReplicaMessage,
  type ReplicaRouted,
} from '../replication/replica-message.ts';
import { linkSchemas, type DetectorMessage, type LinkMessage } from '../ring/link-message.ts';
import {
  ringRoutedSchemas,
  ringSchemas,
  type RingMessage,
  type RingRouted,
} from '../ring/ring-message.ts';
import {
  answerEntries,
  forwardEntries,
  routeFailed,
  routingLookup,
  routingLookupOk,
  type RouteMessage,
  type RoutingLookup,
  type RoutingLookupOk,
} from '../routing/routing-message.ts';

/** What travels inside a routed message. */
export type RoutedPayload =
  RingRouted | RoutingLookup | RoutingLookupOk | ReplicaRouted | DirectoryRouted;

/** All that peers say to each other. */
export type PeerMessage =
  | LinkMessage
  | DetectorMessage
  | RingMessage
  | RouteMessage<RoutedPayload>
  | ReplicaMessage
  | DirectoryRecords
  | SurveyVisit;

type AnySchema = v.GenericSchema<unknown, unknown>;

const payloadSchemas = schemasByType([
  ...ringRoutedSchemas,
  routingLookup,
  routingLookupOk,
  ...replicaRoutedSchemas,
  ...messagingRoutedSchemas,
]);

const payload = v.custom<RoutedPayload>(value => isMember(payloadSchemas, value));

const messageSchemas = schemasByType([
  ...linkSchemas,
  ...ringSchemas,
  ...replicaSchemas,
  ...messagingSchemas,
  v.strictObject({ ...forwardEntries, payload }),
  v.strictObject({ ...answerEntries, payload }),
  routeFailed,
]);

/** A message as bytes for a link. */
export function encodeMessage(message: PeerMessage): Uint8Array {
  return encode(message);
}

/** What came over a link, or null for anything that is not a message of ours. Never throws. */
export function decodeMessage(bytes: Uint8Array): PeerMessage | null {
  const decoded = decode(bytes);
  return decoded && isMember(messageSchemas, decoded.value) ? (decoded.value as PeerMessage) : null;
}

/**
 * Whether a message promises something that is to be durable first: all of a replica's answers.
 * Heartbeats, ring and routing messages promise nothing, and never wait for the disk; nor do
 * requests, whatever they ask for.
 */
export function isPromise(message: PeerMessage): boolean {
  switch (message.type) {
    case 'replica.installed':
    case 'replica.offer':
      return true;
    case 'route.answer':
      return message.payload.type.startsWith('replica.');
    default:
      return false;
  }
}

function schemasByType(
  schemas: readonly (AnySchema & { entries: { type: v.LiteralSchema<string, undefined> } })[],
): ReadonlyMap<string, AnySchema> {
  return new Map(schemas.map(schema => [schema.entries.type.literal, schema]));
}

function isMember(schemas: ReadonlyMap<string, AnySchema>, value: unknown): boolean {
  if (typeof value !== 'object' || value === null || !('type' in value)) return false;
  const schema = typeof value.type === 'string' ? schemas.get(value.type) : undefined;
  return schema !== undefined && v.is(schema, value);
}
