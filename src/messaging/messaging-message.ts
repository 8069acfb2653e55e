import * as v from 'valibot';
import { count, peerId, peerRef, peerRefs } from '../kernel/schema.ts';

/** Remember where I am. Routed to the identifier of the peer's id and its symmetric points. */
export const directoryPublish = v.strictObject({
  type: v.literal('directory.publish'),
  ref: peerRef,
});
export const directoryPublishOk = v.strictObject({ type: v.literal('directory.publishOk') });

/** Where is this peer? */
export const directoryResolve = v.strictObject({
  type: v.literal('directory.resolve'),
  peer: peerId,
});
export const directoryResolveOk = v.strictObject({
  type: v.literal('directory.resolveOk'),
  ref: v.nullable(peerRef),
});

/** Records of peers whose names now fall into your range. */
export const directoryRecords = v.strictObject({
  type: v.literal('directory.records'),
  refs: peerRefs,
});

/** The most peers that one survey reports. */
export const SURVEY_MEMBERS_MAX = 1_024;

const member = v.strictObject({ ref: peerRef, pred: peerRef, succ: peerRef, items: count });

/** Goes from successor to successor, all the way round, and back to where it began. */
export const surveyVisit = v.strictObject({
  type: v.literal('survey.visit'),
  origin: peerRef,
  survey: count,
  members: v.pipe(v.array(member), v.maxLength(SURVEY_MEMBERS_MAX)),
});

export const messagingRoutedSchemas = [
  directoryPublish,
  directoryPublishOk,
  directoryResolve,
  directoryResolveOk,
] as const;

export const messagingSchemas = [directoryRecords, surveyVisit] as const;

export type DirectoryRouted =
  | v.InferOutput<typeof directoryPublish>
  | v.InferOutput<typeof directoryPublishOk>
  | v.InferOutput<typeof directoryResolve>
  | v.InferOutput<typeof directoryResolveOk>;
export type DirectoryRequest =
  v.InferOutput<typeof directoryPublish> | v.InferOutput<typeof directoryResolve>;
export type DirectoryRecords = v.InferOutput<typeof directoryRecords>;
export type SurveyVisit = v.InferOutput<typeof surveyVisit>;
export type SurveyMember = v.InferOutput<typeof member>;
