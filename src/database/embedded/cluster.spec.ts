import { refuseOtherVersion } from './cluster.js';

describe('a database of another version of PostgreSQL', () => {
  const refusal = (found: string) => () => refuseOtherVersion('/data/postgres/cluster', found, '18');

  it('is refused with a way that needs nothing the package does not have', () => {
    expect(refusal('17')).toThrow(
      /pg_dump of PostgreSQL 17 or newer \(pg_dump -Fc -h \/data\/postgres\/socket -U haishin haishin\).*DATABASE_URL/,
    );
    expect(refusal('19')).toThrow(/Start the newer version of Haishin/);
    expect(refusal('18')).not.toThrow();
  });
});
