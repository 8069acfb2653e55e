import { expect } from 'chai';
import fc from 'fast-check';
import { SIGNAL_CHARS_MAX } from '../../../src/runtime/link/link.ts';
import { formatSignal, parseSignal } from '../../../src/runtime/link/signal.ts';

const MEDIA = 'm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n';
const SDP = `v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n${MEDIA}a=mid:0\r\n`;
const LINE = 'candidate:1 1 udp 2113937151 198.18.0.1 9 typ host';

function candidate(fields: object): unknown {
  return { type: 'candidate', candidate: { candidate: LINE, sdpMid: '0', ...fields } };
}

describe('signals', () => {
  const good = {
    'an offer': { type: 'offer', sdp: SDP },
    'an answer': { type: 'answer', sdp: SDP },
    'a candidate': candidate({ sdpMLineIndex: 0 }),
    'a candidate by its index': candidate({ sdpMid: null, sdpMLineIndex: 0 }),
    'the end of candidates': candidate({ candidate: '', sdpMLineIndex: null }),
  };
  for (const [what, signal] of Object.entries(good)) {
    it(`come through as they are: ${what}`, () => {
      expect(parseSignal(formatSignal(signal)!)).to.deep.equal(signal);
    });
  }

  const bad = {
    'no object': 'offer',
    null: null,
    'a list': [SDP],
    'no type': { sdp: SDP },
    'a type of its own': { type: 'rollback', sdp: SDP },
    'a wish for a new offer': { type: 'renegotiate', renegotiate: true },
    'a wish for audio': { type: 'transceiverRequest', transceiverRequest: { kind: 'audio' } },
    'no description': { type: 'offer' },
    'a description without a channel': { type: 'offer', sdp: 'v=0\r\n' },
    'a description with audio': { type: 'offer', sdp: `${SDP}m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n` },
    'a description of audio': { type: 'answer', sdp: SDP.replace('m=application', 'm=audio') },
    'two channels': { type: 'offer', sdp: SDP + MEDIA },
    'no candidate': { type: 'candidate' },
    'a candidate of null': { type: 'candidate', candidate: null },
    'a candidate of no text': candidate({ candidate: 7 }),
    'a candidate too long': candidate({ candidate: 'x'.repeat(2_000) }),
    'a candidate of nothing': candidate({ sdpMid: null }),
    'a candidate of another line': candidate({ sdpMLineIndex: 1 }),
    'a candidate with a long name': candidate({ sdpMid: 'x'.repeat(100) }),
  };
  for (const [what, signal] of Object.entries(bad)) {
    it(`are neither sent nor taken: ${what}`, () => {
      expect(formatSignal(signal)).to.equal(null);
      expect(parseSignal(JSON.stringify(signal))).to.equal(null);
    });
  }

  it('are not longer than documented', () => {
    const long = { type: 'offer', sdp: SDP + 'a=x\r\n'.repeat(SIGNAL_CHARS_MAX / 5) };
    expect(formatSignal(long)).to.equal(null);
    expect(parseSignal(JSON.stringify(long))).to.equal(null);
  });

  it('are never guessed from any other text (fuzzed)', () => {
    const text = fc.oneof(
      fc.string(),
      fc.json(),
      fc.string({ maxLength: 40 }).map(s => `{${s}`),
    );
    fc.assert(
      fc.property(text, one => {
        expect(parseSignal(one)).to.equal(null);
      }),
      { numRuns: 1_000, seed: 1 },
    );
  });
});
