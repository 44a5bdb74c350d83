import { readFileSync } from 'node:fs';
import { targetStatesDocument } from './target-states.document.js';

it('docs/command-states.md says what the table says; "npm run docs" writes it anew', () => {
  expect(readFileSync('docs/command-states.md', 'utf8')).toBe(targetStatesDocument());
});
