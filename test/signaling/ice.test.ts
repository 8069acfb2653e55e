import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { iceServersFrom } from '../../signaling/ice.ts';

describe('the ICE configuration', () => {
  it('comes from the environment', () => {
    assert.deepEqual(iceServersFrom({}), []);
    const environment = {
      STUN_URLS: 'stun:a.example:3478, stuns:b.example',
      TURN_URLS: 'turn:c.example?transport=tcp',
      TURN_USERNAME: 'user',
      TURN_CREDENTIAL: 'secret',
    };
    assert.deepEqual(iceServersFrom(environment), [
      { urls: ['stun:a.example:3478', 'stuns:b.example'] },
      { urls: ['turn:c.example?transport=tcp'], username: 'user', credential: 'secret' },
    ]);
  });

  it('is refused with the name of the variable that is wrong', () => {
    assert.throws(
      () => iceServersFrom({ STUN_URLS: 'example.org' }),
      /STUN_URLS has "example.org"/,
    );
    assert.throws(() => iceServersFrom({ TURN_URLS: 'turn:a' }), /TURN_USERNAME/);
    assert.throws(() => iceServersFrom({ TURN_URLS: 'stun:a' }), /TURN_URLS/);
  });
});
