import type { KnownAgent } from '../agent-directory.js';
import { NO_WORK } from '../action.port.js';
import { baseAnswer } from './base-resource.js';

describe('the answer to a poll', () => {
  it('is remembered for a few hosts, and not for every one that a client thinks of', () => {
    const agent = {
      controllerId: 'mx1',
      approval: 'approved',
      pollSeconds: 900,
      configDataWanted: true,
      configDataAt: null,
      work: NO_WORK,
      answers: new Map(),
    } as unknown as KnownAgent;
    for (let i = 0; i < 1_000; i += 1) {
      const own = `http://host-${i}`;
      const answer = baseAnswer(agent, own, false);
      expect(answer.body).toContain(`${own}/DEFAULT/controller/v1/mx1/configData`);
      expect(baseAnswer(agent, own, false)).toBe(answer);
    }
    expect(agent.answers.size).toBeLessThanOrEqual(8);
  });
});
