import type { DataSource } from 'typeorm';

/** Settings by key; who owns a key knows its shape. */
export class SettingStore {
  constructor(private readonly dataSource: DataSource) {}

  async get<T>(key: string, fallback: T): Promise<T> {
    const [row] = await this.dataSource.query<{ value: T }[]>(`select value from setting where key = $1`, [key]);
    return row === undefined ? fallback : row.value;
  }

  async put(key: string, value: unknown, actor: string, now: Date): Promise<void> {
    await this.dataSource.query(
      `insert into setting (key, value, updated_at, updated_by) values ($1, $2, $3, $4)
       on conflict (key) do update set value = $2, updated_at = $3, updated_by = $4`,
      [key, JSON.stringify(value), now, actor],
    );
  }

  /** Writes a first value; a value that exists stays. */
  async putIfAbsent(key: string, value: unknown, actor: string, now: Date): Promise<void> {
    await this.dataSource.query(
      `insert into setting (key, value, updated_at, updated_by) values ($1, $2, $3, $4) on conflict (key) do nothing`,
      [key, JSON.stringify(value), now, actor],
    );
  }
}
