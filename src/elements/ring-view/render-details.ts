import { html, nothing, type TemplateResult } from 'lit';
import { distance, SPACE } from '../../kernel/identifier.ts';
import type { PeerRef } from '../../kernel/machine.ts';
import { count } from './announcer.ts';
import { colourOf, type KeyReplica, type PeerModel, type RingModel } from './model.ts';
import { rolesOf } from './render-peers.ts';

/** Shown for what is not known. */
const UNKNOWN = '–';

/** What is known of one peer, as a list of terms. The rows are always the same: nothing jumps. */
export function renderDetails(peer: PeerModel, model: RingModel): TemplateResult {
  const { ref } = peer;
  const nameOf = (other: PeerRef | null): string =>
    (other && model.peers.find(each => each.ref.peer === other.peer)?.name) ?? UNKNOWN;
  const rows: readonly (readonly [term: string, value: string | TemplateResult])[] = [
    ['Identity', html`<bdi class="id">${ref.peer}</bdi>`],
    ['Position', html`${degrees(ref)}<span class="id"> ${ref.position}</span>`],
    ['Starts', String(ref.incarnation)],
    ['Successor', html`<bdi class="name">${nameOf(peer.succ)}</bdi>`],
    ['Predecessor', html`<bdi class="name">${nameOf(peer.pred)}</bdi>`],
    ['Answers for', share(peer)],
    ['Holds', peer.items === null ? UNKNOWN : count(peer.items, 'item')],
    ['Link', linkText(peer)],
    ['Round trip', roundTrip(peer)],
  ];
  return html`<section class="details" part="details" aria-label="Details of a peer">
    <p class="title ${peer.isSelf ? 'self' : ''}">
      ${peer.isSelf ? html`<span class="you">you</span>` : nothing}
      <bdi>${peer.name}</bdi>
    </p>
    ${renderRoles(peer)}
    <dl>
      ${rows.map(
        ([term, value]) =>
          html`<div>
            <dt>${term}</dt>
            <dd>${value}</dd>
          </div>`,
      )}
    </dl>
  </section>`;
}

function renderRoles(peer: PeerModel): TemplateResult {
  const roles = peer.isSelf ? ['this peer', ...rolesOf(peer)] : rolesOf(peer);
  return html`<p class="roles">${(roles.length > 0 ? roles : ['another peer']).join(' · ')}</p>
    <p class="chips">${peer.replicas.map(replica => renderReplica(replica))}</p>`;
}

function renderReplica(replica: KeyReplica): TemplateResult {
  const { index, state, version } = replica;
  const text = `replica ${index + 1}: ${state}${state === 'active' ? `, version ${version}` : ''}`;
  return html`<span class="chip ${state} ${colourOf(replica)}">${text}</span>`;
}

function degrees({ position }: PeerRef): string {
  return `${((position / SPACE) * 360).toFixed(1)}°`;
}

/** The share of all identifiers that a peer answers for: those after its predecessor up to it. */
function share({ ref, pred }: PeerModel): string {
  if (pred === null) return UNKNOWN;
  const width = pred.peer === ref.peer ? SPACE : distance(pred.position, ref.position);
  return `${((width / SPACE) * 100).toFixed(1)} % of the ring`;
}

function linkText({ isSelf, isSuspected, link }: PeerModel): string {
  if (isSelf) return UNKNOWN;
  if (link === null) return 'none, reached over others';
  return `${isSuspected ? 'silent' : link.state}, ${link.kind}`;
}

function roundTrip({ link }: PeerModel): string {
  const millis = link?.roundTripMs ?? null;
  if (millis === null) return UNKNOWN;
  return `${millis < 10 ? millis.toFixed(1) : Math.round(millis)} ms`;
}
