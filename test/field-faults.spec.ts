import 'reflect-metadata';
import { getMetadataStorage, validateSync, type ValidationError } from 'class-validator';
import '../src/app.module.js';
import { readEnvironment } from '../src/config/environment.js';
import { fieldFault } from '../src/platform/texts/field-faults.js';

type AnyClass = new () => Record<string, unknown>;

/** The library tells the rules of a class, but not which classes there are. */
const { validationMetadatas: rules } = getMetadataStorage() as unknown as {
  validationMetadatas: Map<AnyClass, { propertyName: string }[]>;
};

function wordsOf(errors: ValidationError[]): string[] {
  return errors.flatMap(({ constraints, children }) => [
    ...Object.values(constraints ?? {}),
    ...wordsOf(children ?? []),
  ]);
}

/** Some rule of every kind refuses each of them. */
const WRONG: unknown[] = [5.5, {}, '', [], [5.5], [''], ['~ ~'.repeat(200)], '~ ~'.repeat(200), -1, 1e12, null];

describe('what is said of a field', () => {
  it('is known in Japanese, whichever rule of whichever body, query, setting or variable it is', () => {
    const words = new Set<string>();
    for (const [target, fields] of rules)
      for (const value of WRONG) {
        const object = new target();
        for (const { propertyName } of fields) object[propertyName] = value;
        for (const each of wordsOf(validateSync(object, { forbidUnknownValues: false }))) words.add(each);
      }
    expect(words.size).toBeGreaterThan(200);
    expect([...words].filter((each) => fieldFault(each).ja === each)).toEqual([]);
  });

  it('is known in Japanese where variables do not fit each other', () => {
    const { faults } = readEnvironment({
      HAISHIN_TLS_CERT: '/x',
      HAISHIN_BOOTSTRAP_TOKEN: 'long-enough',
      HAISHIN_BOOTSTRAP_TOKEN_FILE: '/x',
      HAISHIN_HTTP_PORT: 'off',
      HAISHIN_HTTPS_PORT: 'off',
      HAISHIN_CLIENT_CA: '/x',
      HAISHIN_CLIENT_CERT_HEADER: 'x-client-cn',
    });
    expect(faults).toHaveLength(5);
    expect(faults.filter((each) => fieldFault(each).ja === each)).toEqual([]);
  });
});
