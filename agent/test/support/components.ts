import type { StubComponent } from './ddi-messages.js';
import { type StubFile, uniqueContent } from './served-file.js';

/** A virus pattern of one file. */
export function pattern(version: string, file: Partial<StubFile> = {}): StubComponent {
  const content = file.content ?? uniqueContent(5000);
  return { component: 'virus-pattern', version, files: [{ name: 'vsapi.zip', ...file, content }] };
}

/** A scan engine of one file. */
export function engine(version: string): StubComponent {
  return { component: 'virus-scan-engine', version, files: [{ name: 'engine.zip', content: uniqueContent(3000) }] };
}
